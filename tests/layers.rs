//! Holds the order of the house: which module may import from which.
//!
//! Data flows one way, so that every folder can be read with only the folders before it in mind. [`ORDER`] is that
//! reading order. A new file or folder in `src` fails here until it is given its place and its reason.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of `src`, each importing only from those before it, with what it is there for.
const ORDER: &[(&str, &str)] = &[
    // ground
    ("nanos", "times as whole nanoseconds"),
    ("number", "text of numbers and back"),
    ("backoff", "how long to wait before something is tried again"),
    ("base64", "bytes as text"),
    ("wire", "numbers and texts as protobuf writes them"),
    ("stat", "averages, buckets, quantiles of plain numbers; knows neither names nor threads"),
    ("cell", "the memory that recording writes"),
    ("clock", "time, which tests move by hand; its fastest reading is a system call of `cell`"),
    // identity
    ("name", "what a metric is called"),
    ("unit", "what it is measured in"),
    ("tag", "what tells series of one name apart"),
    // model
    ("model", "a snapshot: plain data, where instruments and formats meet"),
    // live
    ("metric", "instruments: they know cells and mathematics, no format"),
    ("registry", "names and tags to instruments, instruments to snapshots"),
    ("collect", "collectors that come with the crate"),
    // bytes
    ("encode", "snapshots to bytes: knows the model, no instrument"),
    ("parse", "bytes to snapshots"),
    // what is registered, for people
    ("catalogue", "a list of all metrics"),
    ("lint", "what is odd about them"),
    // the world
    ("transport", "bytes to somewhere else"),
    ("report", "snapshots to transports, on a schedule"),
    ("http", "snapshots to whoever asks"),
    ("query", "what a database has, as data"),
    // the program
    ("macros", "code that is written out in the user's program, which sees all of the above"),
];

/// Where crates that only a feature brings may be named: nobody else's build, and nobody else's interface, has them.
const FOREIGN: &[(&str, &[&str])] = &[
    ("axum", &["http"]),
    ("bytes", &["http"]),
    ("crc32fast", &["report"]),
    ("hyper", &["http"]),
    ("hyper_util", &["http"]),
    ("http_body_util", &["http"]),
    ("httpdate", &["transport"]),
    ("nix", &["collect"]),
    ("opentelemetry", &["metric"]),
    ("polars", &["query"]),
    ("regex", &["registry"]),
    ("reqwest", &["transport"]),
    ("rustls", &["transport", "http"]),
    ("socket2", &["http"]),
    ("subtle", &["http"]),
    ("tagmeter_derive", &["tag"]),
    ("tokio", &["transport", "http"]),
    ("tokio_rustls", &["http"]),
    ("tower_service", &["http"]),
    ("zstd", &["transport", "http"]),
];

/// The crate root: it re-exports what it likes.
const LIB: &str = "lib";

/// The one module that may hold unsafe code.
const UNSAFE_IN: &str = "cell";

#[test]
fn every_module_imports_only_from_modules_before_it() {
    let found: Vec<Violation> = sources().iter().flat_map(|(path, text)| check(path, text)).collect();
    let lines: Vec<String> = found.iter().map(Violation::to_string).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

#[test]
fn every_place_in_the_order_is_taken() {
    let taken: Vec<String> =
        sources().iter().filter_map(|(path, _)| module_path(path).into_iter().next()).collect();
    let empty: Vec<&str> =
        ORDER.iter().map(|(name, _)| *name).filter(|name| !taken.iter().any(|t| t == name)).collect();
    assert!(empty.is_empty(), "no such module in src: {empty:?}");
}

/// Something that does not keep to the order.
#[derive(Debug, PartialEq)]
struct Violation {
    file: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.rule)
    }
}

/// Every source file, its path seen from `src`.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path.strip_prefix(&root).unwrap().to_path_buf(), text));
            }
        }
    }
    files.sort();
    files
}

/// `tag/id.rs` is `[tag, id]`, `tag/mod.rs` is `[tag]`, `lib.rs` is `[]`.
fn module_path(file: &Path) -> Vec<String> {
    let mut path: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    path.pop_if(|last| last == "mod" || last == "lib");
    path
}

fn place(module: &str) -> Option<usize> {
    ORDER.iter().position(|(name, _)| *name == module)
}

/// What one file does against the order.
fn check(file: &Path, text: &str) -> Vec<Violation> {
    let path = module_path(file);
    let own = path.first().map_or(LIB, String::as_str);
    let broken = if own != LIB && place(own).is_none() {
        vec![(1, format!("`{own}` has no place in ORDER of tests/layers.rs: give it one"))]
    } else {
        let judged = |(line, reference)| Some((line, judge(own, &reference)?));
        references(&path, text).into_iter().filter_map(judged).collect()
    };
    let file = format!("src/{}", file.display());
    broken.into_iter().map(|(line, rule)| Violation { file: file.clone(), line, rule }).collect()
}

/// The rule that a reference from module `own` breaks.
fn judge(own: &str, reference: &Reference) -> Option<String> {
    match reference {
        Reference::Module(_) | Reference::Root | Reference::Foreign(_) if own == LIB => None,
        Reference::Module(name) => match place(name) {
            None => {
                Some(format!("`crate::{name}` is not a module: write the path of the module it lives in"))
            }
            Some(other) if Some(other) > place(own) => {
                Some(format!("`{own}` imports from `{name}`, which comes after it"))
            }
            Some(_) => None,
        },
        Reference::Root => Some("`super` reaches the crate root: write `crate::…`".to_owned()),
        Reference::Foreign(name) => {
            let (_, allowed) = FOREIGN.iter().find(|(foreign, _)| foreign == name)?;
            (!allowed.contains(&own))
                .then(|| format!("`{name}` may be named only in {}", allowed.join(" and ")))
        }
        Reference::Unsafe => {
            (own != UNSAFE_IN).then(|| format!("`unsafe` belongs into src/{UNSAFE_IN} only"))
        }
    }
}

/// What a piece of code refers to, as far as the order cares.
#[derive(Debug, PartialEq)]
enum Reference {
    /// `crate::name`
    Module(String),
    /// `super` as often as it takes to arrive at the crate root.
    Root,
    /// `tokio::`
    Foreign(&'static str),
    /// `unsafe`, or leave for it.
    Unsafe,
}

/// The references in a file, with their lines. `path` is the file's module.
fn references(path: &[String], text: &str) -> Vec<(usize, Reference)> {
    let tokens = tokens(text);
    let word = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    let mut braces = 0_usize;
    let mut inline: Vec<usize> = Vec::new(); // how many braces were open where each inline module began
    for (i, token) in tokens.iter().enumerate() {
        let before = if i == 0 { "" } else { word(i - 1) };
        match token.text.as_str() {
            "{" => braces += 1,
            "}" => {
                braces = braces.saturating_sub(1);
                inline.pop_if(|open| *open == braces);
            }
            "mod" if word(i + 2) == "{" => inline.push(braces),
            // `$crate` is written for other crates, which see the re-exports only.
            "crate" if word(i + 1) == "::" && before != "$" => {
                found
                    .extend(first_segments(&tokens, i + 2).map(|name| (token.line, Reference::Module(name))));
            }
            "super" if before != "::" => {
                let count =
                    (i..).step_by(2).take_while(|j| word(*j) == "super" && word(j + 1) == "::").count();
                if count > 0 && count >= path.len() + inline.len() {
                    found.push((token.line, Reference::Root));
                }
            }
            "unsafe" | "unsafe_code" => found.push((token.line, Reference::Unsafe)),
            name if word(i + 1) == "::" && before != "::" => {
                let foreign = FOREIGN.iter().find(|(foreign, _)| *foreign == name);
                found.extend(foreign.map(|(foreign, _)| (token.line, Reference::Foreign(foreign))));
            }
            _ => {}
        }
    }
    found
}

/// The names that may follow `crate::` at token `at`: one, or those of a group. Exported macros live at the crate root
/// and have no other path, so they are none.
fn first_segments(tokens: &[Token], at: usize) -> impl Iterator<Item = String> {
    let word = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let mut names = Vec::new();
    if word(at) != "{" {
        let is_macro = word(at + 1) == "!" && ["(", "[", "{"].contains(&word(at + 2));
        names.extend((!is_macro).then(|| word(at).to_owned()));
        return names.into_iter();
    }
    let mut depth = 0_usize;
    for i in at..tokens.len() {
        match word(i) {
            "{" => depth += 1,
            "}" => depth -= 1,
            name if depth == 1 && ["{", ","].contains(&word(i - 1)) && name != "," => {
                names.push(name.to_owned())
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names.into_iter()
}

#[derive(Debug)]
struct Token {
    line: usize,
    text: String,
}

/// Words, `::` and single signs; no comments and no literals.
fn tokens(text: &str) -> Vec<Token> {
    let code = without_literals(text);
    let mut tokens = Vec::new();
    for (line, mut rest) in code.lines().enumerate().map(|(i, line)| (i + 1, line.trim_start())) {
        while let Some(first) = rest.chars().next() {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let end = match first {
                _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                _ if rest.starts_with("::") => 2,
                _ => first.len_utf8(),
            };
            tokens.push(Token { line, text: rest[..end].to_owned() });
            rest = rest[end..].trim_start();
        }
    }
    tokens
}

/// The text with every comment, string and character taken out and every line kept.
fn without_literals(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let literal = literal_length(rest, code.chars().next_back());
        if literal == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..literal].chars().filter(|c| *c == '\n'));
            code.push(' ');
            rest = &rest[literal..];
        }
    }
    code
}

/// How long the comment or literal is that the text begins with; 0 if it begins with none.
fn literal_length(text: &str, before: Option<char>) -> usize {
    let up_to =
        |end: &str, from: usize| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return up_to("*/", 2);
    }
    let inside_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let hashes = text.chars().skip(1).take_while(|c| *c == '#').count();
    if text.starts_with('r') && text[1 + hashes..].starts_with('"') && (!inside_word || before == Some('b')) {
        return up_to(&format!("\"{}", "#".repeat(hashes)), 2 + hashes);
    }
    match text.as_bytes() {
        [b'"', ..] => quoted_length(text),
        // A lifetime has no closing quote after its first character.
        [b'\'', b'\\', ..] => quoted_length(text),
        [b'\'', ..] if text.chars().nth(2) == Some('\'') => {
            text.char_indices().nth(3).map_or(text.len(), |(at, _)| at)
        }
        _ => 0,
    }
}

/// The length of a text in quotes, in which a backslash takes the next character along.
fn quoted_length(text: &str) -> usize {
    let quote = text.as_bytes()[0];
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            _ if byte == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(file: &str, text: &str) -> Vec<(usize, String)> {
        check(Path::new(file), text).into_iter().map(|v| (v.line, v.rule)).collect()
    }

    fn quiet(file: &str, text: &str) {
        assert_eq!(rules(file, text), []);
    }

    #[test]
    fn an_import_from_above_is_found_wherever_it_is_written() {
        let rule = "`model` imports from `encode`, which comes after it".to_owned();
        assert_eq!(rules("model/value.rs", "\nuse crate::encode::text;"), [(2, rule.clone())]);
        assert_eq!(
            rules("model/mod.rs", "fn f() {\n    crate::encode::text::encode()\n}"),
            [(2, rule.clone())]
        );
        assert_eq!(rules("model/mod.rs", "use crate::{name::{Name, X}, encode};"), [(1, rule.clone())]);
        assert_eq!(rules("model/mod.rs", "use crate :: {\n    encode::text,\n    tag,\n};"), [(1, rule)]);
    }

    #[test]
    fn an_import_from_below_or_from_the_same_module_is_not() {
        quiet("model/mod.rs", "use crate::tag::{Id, Tags};\nuse crate::model::Kind;\npub(crate) fn f() {}");
        quiet("http/server.rs", "use crate::registry::Registry;\nuse super::respond;");
    }

    #[test]
    fn re_exports_of_the_root_are_refused_and_macros_are_not() {
        let rule =
            |name| format!("`crate::{name}` is not a module: write the path of the module it lives in");
        assert_eq!(rules("registry/mod.rs", "use crate::Counter;"), [(1, rule("Counter"))]);
        assert_eq!(rules("registry/mod.rs", "use crate::*;"), [(1, rule("*"))]);
        quiet("registry/mod.rs", "crate::counter!(\"hits\"); $crate::Counter::new();");
    }

    #[test]
    fn super_may_not_leave_the_module() {
        let rule = "`super` reaches the crate root: write `crate::…`".to_owned();
        assert_eq!(rules("name.rs", "use super::tag::Tags;"), [(1, rule.clone())]);
        assert_eq!(rules("tag/id.rs", "use super::super::name;"), [(1, rule.clone())]);
        assert_eq!(rules("name.rs", "mod a {\n fn f() {}\n}\nuse super::x;"), [(4, rule)]);
        quiet("tag/id.rs", "use super::Tags;");
        quiet("name.rs", "pub(super) fn f() {}\n#[cfg(test)]\nmod tests {\n    use super::*;\n}");
    }

    #[test]
    fn unsafe_code_is_found_outside_its_module() {
        let rule = "`unsafe` belongs into src/cell only".to_owned();
        assert_eq!(rules("stat/ewma.rs", "fn f() {\n    unsafe { g() }\n}"), [(2, rule.clone())]);
        assert_eq!(rules("lib.rs", "#![allow(unsafe_code)]"), [(1, rule)]);
        quiet("cell/page.rs", "unsafe { g() }");
    }

    #[test]
    fn foreign_crates_stay_where_their_feature_is() {
        let rule = "`tokio` may be named only in transport and http".to_owned();
        assert_eq!(rules("report/mod.rs", "use tokio::sync::oneshot;"), [(1, rule)]);
        quiet("http/server.rs", "use tokio::sync::oneshot;");
        quiet("report/mod.rs", "use crate::transport::tokio::x;");
    }

    #[test]
    fn a_file_without_a_place_is_refused() {
        let rule = "`extras` has no place in ORDER of tests/layers.rs: give it one".to_owned();
        assert_eq!(rules("extras/more.rs", ""), [(1, rule.clone())]);
        assert_eq!(rules("extras.rs", ""), [(1, rule)]);
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        quiet("name.rs", "// use crate::http;\n/* unsafe\n*/ /// super::x\nfn f<'a>(x: &'a str) {}");
        quiet(
            "name.rs",
            r##"f("crate::http \" unsafe", r#"unsafe " unsafe"#, b"unsafe", '"', '\'', 'é', br"\")"##,
        );
        assert_eq!(rules("name.rs", "let x = '\"';\n\"\n\n\";\nunsafe {}").len(), 1);
        assert_eq!(rules("name.rs", "let x = '\"';\n\"\n\n\";\nunsafe {}")[0].0, 5);
    }
}
