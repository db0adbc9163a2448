//! Pages of several registries, judged by those who read them.

use tagmeter::Registry;
use tagmeter::encode::Escaping;
use tagmeter::registry::{Scope, View};

use crate::fixture::fixture;
use crate::judges::{Format, promtool, python, samples_of};

/// A registry with scopes of other tenants, joined with the fixture twice: by another prefix and by other tags.
fn merged() -> (View, Vec<Scope>) {
    let registry = Registry::new();
    let scopes: Vec<Scope> =
        ["a", "b"].map(|name| registry.scope("tenant_", [("tenant", name)])).into_iter().collect();
    for scope in &scopes {
        let requests =
            scope.define("requests").help("Requests of a tenant.").tags(["route"]).counters().unwrap();
        requests.with(["/orders"]).inc();
        scope
            .define("request")
            .help("Time of a request.")
            .timer()
            .unwrap()
            .record(std::time::Duration::from_secs(1));
    }
    // Conflicts, which must not reach the page.
    scopes[1].define("level").help("A level.").gauge().unwrap().set(1.0);
    scopes[0].define("level").help("A total.").counter().unwrap().inc();
    let shared = fixture();
    let all = registry.view().and(shared.view().prefix("shop_")).unwrap();
    let all = all.and(shared.view().tags([("worker", "1")])).unwrap();
    (all.and(shared.view().tags([("worker", "2")])).unwrap(), scopes)
}

#[test]
fn merged_pages_are_read_by_all() {
    let (view, _scopes) = merged();
    let snapshot = view.snapshot();
    for format in Format::BOTH {
        let (page, left_out) = format.page(&snapshot, Escaping::default());
        assert!(left_out.is_empty(), "{left_out:?}");
        let ours = samples_of(&format.read(&page).unwrap());
        assert!(ours.iter().filter(|(name, ..)| name == "tenant_requests_total").count() == 2);
        assert!(ours.iter().any(|(_, labels, _)| labels.get("worker").is_some_and(|worker| worker == "2")));
        assert_eq!(python(format, &[page]).remove(0).unwrap(), ours);
    }
    let (page, _) = Format::Text.page(&snapshot, Escaping::default());
    let alone = promtool(&fixture().snapshot().to_text());
    let prefixed: Vec<String> = alone.iter().map(|finding| format!("shop_{finding}")).collect();
    let new: Vec<String> = promtool(&page)
        .into_iter()
        .filter(|finding| !alone.contains(finding) && !prefixed.contains(finding))
        .collect();
    assert_eq!(new, [""; 0], "nothing but what the fixture has by itself");
}
