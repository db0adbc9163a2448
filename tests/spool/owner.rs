//! Whose a spool is.

use std::os::unix::fs::PermissionsExt;

use tagmeter::report::{SpoolError, StartError};

use super::child::{self, Running};
use super::*;

fn refused(spool: &Path) -> SpoolError {
    match Backend::up().reporter(&Registry::new()).spool(spool).start() {
        Err(StartError::Spool(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_spool_is_one_process_s_until_that_is_killed() {
    if let Some(spool) = child::spool() {
        let reporting = Numbered::start(&Backend::default(), spool);
        reporting.report(7);
        child::say("ready");
        return std::thread::park();
    }
    let place = Place::new();
    let mut child = Running::start("owner::a_spool_is_one_process_s_until_that_is_killed", &place.spool());
    assert_eq!(child.hear().as_deref(), Some("ready"));
    assert_eq!(refused(&place.spool()), SpoolError::InUse { directory: place.spool() });
    child.kill();
    assert_eq!(delivered_from(&place.spool()), (vec![7.0], 0));
}

#[test]
fn a_spool_that_was_let_go_can_be_taken_at_once() {
    let place = Place::new();
    let reporting = Numbered::start(&Backend::default(), place.spool());
    reporting.report(1);
    reporting.number.set(2.0);
    let last = reporting.reporter.stop(FOREVER).unwrap();
    assert_eq!((last.failed, last.waiting), (1, 1));
    assert_eq!(delivered_from(&place.spool()), (vec![1.0, 2.0], 0));
}

#[test]
fn a_directory_that_may_not_be_written_is_refused() {
    if let Some(spool) = child::spool() {
        let expected = std::io::ErrorKind::PermissionDenied;
        for spool in [spool.clone(), spool.join("below")] {
            let refused = refused(&spool);
            assert!(matches!(refused, SpoolError::Unusable { kind, .. } if kind == expected), "{refused}");
        }
        return;
    }
    let place = Place::new();
    fs::create_dir(place.spool()).unwrap();
    fs::set_permissions(place.spool(), fs::Permissions::from_mode(0o555)).unwrap();
    let name = "owner::a_directory_that_may_not_be_written_is_refused";
    // Root may write anywhere.
    let as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let by_myself = ["env"];
    let is_root = fs::write(place.spool().join("try"), "").is_ok();
    assert!(child::holds_with(if is_root { &as_nobody } else { &by_myself }, name, &place.spool()));
}

#[test]
fn the_page_and_the_status_show_the_spool() {
    let place = Place::new();
    let (registry, backend) = (Registry::new(), Backend::default());
    registry.gauge("number").set(1.0);
    let reporter = backend.reporter(&registry).spool(place.spool()).start().unwrap();
    (0..3).for_each(|_| drop(reporter.report_now().unwrap()));
    let spool = reporter.status().spool.unwrap();
    assert_eq!((spool.points, spool.failure), (3, None));
    let page = registry.snapshot().to_text();
    let tags = r#"{reporter="1",sink="backend"}"#;
    for line in [
        format!("tagmeter_reporter_spool_points{tags} 3"),
        format!("tagmeter_reporter_spool_bytes{tags} {}", spool.bytes),
        format!("tagmeter_reporter_spool_failing{tags} 0"),
        r#"tagmeter_reporter_dropped_points_total{reason="unreadable",reporter="1",sink="backend"} 0"#.into(),
    ] {
        assert!(page.lines().any(|found| found == line), "no {line} in\n{page}");
    }
    let files: u64 = fs::read_dir(place.spool())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "position")
        .map(|entry| entry.metadata().unwrap().len())
        .sum();
    assert_eq!(spool.bytes as u64, files);
}
