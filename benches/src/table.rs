//! Rows as Markdown: a table a group, ratios beside the figures.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::Row;

pub(crate) const OURS: &str = "tagmeter";
pub(crate) const MACHINE: &str = "machine";

/// All rows, a table for each question and group, in the order they come in.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::new();
    for group in groups(rows) {
        let _ = writeln!(text, "\n### {}: {}\n", group[0].question.replace('_', " "), group[0].group);
        table(&mut text, &group);
    }
    text
}

/// Where a peer needs less than tagmeter's best row of the group, worst first: a line each.
pub fn losses(rows: &[Row]) -> String {
    let mut losses: Vec<(f64, String)> = groups(rows).iter().flat_map(|group| losses_of(group)).collect();
    losses.sort_by(|one, other| other.0.total_cmp(&one.0));
    losses.into_iter().map(|(_, line)| line + "\n").collect()
}

fn groups(rows: &[Row]) -> Vec<Vec<&Row>> {
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    for row in rows {
        match groups
            .iter_mut()
            .find(|group| (&group[0].question, &group[0].group) == (&row.question, &row.group))
        {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
}

fn table(text: &mut String, group: &[&Row]) {
    let threads: BTreeSet<usize> =
        group.iter().filter(|row| row.ns_per_op.is_some()).map(|row| row.threads).collect();
    let has_instructions = group.iter().any(|row| row.instructions_per_op.is_some());
    let more = more_columns(group);
    let mut head = vec!["peer".to_owned(), "what".to_owned()];
    for count in &threads {
        head.push(format!("ns, {count} thread{}", if *count == 1 { "" } else { "s" }));
    }
    if !threads.is_empty() {
        head.push("÷ bare".to_owned());
        head.push("÷ best peer".to_owned());
    }
    if has_instructions {
        head.push("instructions".to_owned());
    }
    head.extend(more.iter().map(|name| name.replace('_', " ")));
    let numbers = head.len() - 2;
    let _ = writeln!(text, "| {} |\n|---|---{}|", head.join(" | "), "|---:".repeat(numbers));
    for (peer, what) in names(group) {
        line(text, group, (peer, what), &threads, has_instructions, &more);
    }
}

fn line(
    text: &mut String,
    group: &[&Row],
    (peer, what): (&str, &str),
    threads: &BTreeSet<usize>,
    has_instructions: bool,
    more: &[&str],
) {
    let of = |threads: usize| {
        group.iter().find(|row| (&*row.peer, &*row.what, row.threads) == (peer, what, threads))
    };
    let time = |threads: usize| of(threads).and_then(|row| row.ns_per_op);
    let mut cells = vec![if peer == OURS { format!("**{peer}**") } else { peer.to_owned() }, what.to_owned()];
    cells.extend(threads.iter().map(|threads| time(*threads).map_or_else(String::new, number)));
    if !threads.is_empty() {
        let ratios = |to: &dyn Fn(usize) -> Option<f64>| {
            let each = threads.iter().filter_map(|threads| Some(number(time(*threads)? / to(*threads)?)));
            each.collect::<Vec<_>>().join(" / ")
        };
        cells.push(ratios(&|threads| bare(group, threads)));
        cells.push(ratios(&|threads| best(group, threads, |row| row.peer != OURS && row.peer != MACHINE)));
    }
    if has_instructions {
        cells.push(of(1).and_then(|row| row.instructions_per_op).map_or_else(String::new, number));
    }
    let any = group.iter().find(|row| (&*row.peer, &*row.what) == (peer, what));
    cells.extend(
        more.iter()
            .map(|name| any.and_then(|row| row.more.get(*name)).map_or_else(String::new, |n| number(*n))),
    );
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn names<'a>(group: &[&'a Row]) -> Vec<(&'a str, &'a str)> {
    let mut names = Vec::new();
    for row in group {
        let name = (&*row.peer, &*row.what);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn more_columns<'a>(group: &[&'a Row]) -> Vec<&'a str> {
    group
        .iter()
        .flat_map(|row| row.more.keys())
        .map(String::as_str)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// The first row of a group is the bare machine operation. Where it was not measured with that many threads, its
/// figure for one holds: it shares nothing.
pub(crate) fn bare(group: &[&Row], threads: usize) -> Option<f64> {
    let machine = || group.iter().filter(|row| row.peer == MACHINE);
    let first = machine().next()?;
    let same = machine().find(|row| row.what == first.what && row.threads == threads);
    same.unwrap_or(first).ns_per_op
}

fn best(group: &[&Row], threads: usize, among: impl Fn(&Row) -> bool) -> Option<f64> {
    group
        .iter()
        .filter(|row| row.threads == threads && among(row))
        .filter_map(|row| row.ns_per_op)
        .min_by(f64::total_cmp)
}

fn losses_of(group: &[&Row]) -> Vec<(f64, String)> {
    let threads: BTreeSet<usize> = group.iter().map(|row| row.threads).collect();
    let time = |row: &Row| row.ns_per_op;
    let mut losses: Vec<_> =
        threads.iter().filter_map(|threads| loss(group, *threads, "ns", &time)).collect();
    for name in more_columns(group) {
        let value = |row: &Row| row.more.get(name).copied();
        losses.extend(loss(group, 1, &name.replace('_', " "), &value));
    }
    losses
}

const A_FEW: f64 = 20.0;
/// Less than this is noise between two runs.
const A_LOSS: f64 = 1.1;

fn loss(
    group: &[&Row],
    threads: usize,
    unit: &str,
    value: &dyn Fn(&Row) -> Option<f64>,
) -> Option<(f64, String)> {
    let least = |ours: bool| {
        let rows = group
            .iter()
            .filter(|row| row.threads == threads && row.peer != MACHINE && (row.peer == OURS) == ours);
        rows.filter_map(|row| Some((value(row)?, *row))).min_by(|one, other| one.0.total_cmp(&other.0))
    };
    let ((own, row), (other, peer)) = (least(true)?, least(false)?);
    // A count of a few, or of none, has no ratio.
    let ratio = if other < A_FEW && unit != "ns" { return None } else { own / other };
    let at = if threads == 1 { String::new() } else { format!(", {threads} threads") };
    let line = format!(
        "- {} × {}, {}{at}: `{}` {} {unit}, {} `{}` {}",
        number(ratio),
        row.question.replace('_', " "),
        row.group,
        row.what,
        number(own),
        peer.peer,
        peer.what,
        number(other),
    );
    (ratio >= A_LOSS).then_some((ratio, line))
}

/// Three digits that matter, thousands apart.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    match value.abs() {
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => {
            let digits = format!("{value:.0}");
            let groups: Vec<&str> = digits
                .as_bytes()
                .rchunks(3)
                .rev()
                .filter_map(|chunk| std::str::from_utf8(chunk).ok())
                .collect();
            groups.join(" ")
        }
    }
}
