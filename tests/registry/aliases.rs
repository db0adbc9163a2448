//! Metrics that were renamed, and names that are kept.

use tagmeter::Name;
use tagmeter::http::{Request, respond};

use super::*;

#[test]
fn an_alias_shows_what_its_family_does() {
    let registry = Registry::new();
    registry.alias("old", "request").unwrap();
    assert!(registry.snapshot().families().is_empty());
    let requests = registry.define("request").help("Time.").tags(["route"]).timers().unwrap();
    requests.with(["/"]).record(Duration::from_secs(1));
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.get(("old", [("route", "/")])), snapshot.get(("request", [("route", "/")])));
    assert_eq!(&*snapshot.families()[1].help, "Deprecated: now \"request\". Time.");
    assert_eq!(registry.value(("old", [("route", "/")])), Some(1.0));
    registry.alias("old", "request").unwrap();
    assert!(registry.remove_alias("old") && !registry.remove_alias("old"));
    assert_eq!(families(&registry), 1);
}

#[test]
fn an_alias_can_be_of_what_a_collector_brings_and_is_asked_for_by_its_name() {
    let registry = Registry::new();
    registry.collector("pool", |families| _ = families.gauge("pool_size", "").set((), 3.0));
    registry.gauge("depth").set(4.0);
    registry.alias("pool", "pool_size").unwrap();
    registry.alias("queue", "depth").unwrap();
    let page = |name: &str| {
        let target = format!("/metrics?name[]={name}");
        String::from_utf8(respond(&registry, &Request::new("GET", &target)).body).unwrap()
    };
    assert_eq!(page("pool"), "# HELP pool Deprecated: now \"pool_size\".\n# TYPE pool gauge\npool 3\n");
    assert_eq!(page("queue"), "# HELP queue Deprecated: now \"depth\".\n# TYPE queue gauge\nqueue 4\n");
    assert_eq!(page("depth"), "# TYPE depth gauge\ndepth 4\n");
}

#[test]
fn a_name_that_is_taken_is_no_alias() {
    let registry = Registry::builder().max_families(2).build();
    registry.counter("taken").inc();
    let error = registry.alias("taken", "other").unwrap_err();
    assert_eq!(error.to_string(), r#"alias "taken" conflicts with counter "taken" with any tags"#);
    registry.alias("a", "taken").unwrap();
    assert!(matches!(registry.alias("a", "other"), Err(RegisterError::AliasTaken { .. })));
    assert!(matches!(registry.alias("", "taken"), Err(RegisterError::EmptyName)));
    registry.alias("b", "taken").unwrap();
    assert!(matches!(registry.alias("c", "taken"), Err(RegisterError::TooManyFamilies { limit: 2, .. })));
    registry.gauge("a").set(7.0);
    assert_eq!(registry.snapshot().value("a"), Some(7.0), "what is registered later is shown");
    assert_eq!(problems(&registry, "left_out"), 1.0);
}

#[test]
fn an_alias_gives_way_to_a_scope_s_family_and_is_not_added_to_it() {
    let registry = Registry::new();
    registry.counter("orders").add(3);
    registry.alias("a_orders", "orders").unwrap();
    let scope = registry.scope("a_", ());
    scope.counter("orders").add(10);
    assert_eq!(registry.value("a_orders"), Some(10.0));
    assert_eq!(registry.value("orders"), Some(3.0));
    assert_eq!(problems(&registry, "left_out"), 1.0);
    let listed = || {
        let catalogue = tagmeter::catalogue::catalogue(&registry);
        catalogue.entries().iter().filter(|entry| entry.name == "a_orders").count()
    };
    assert_eq!(listed(), 1);
    drop(scope);
    assert_eq!((registry.value("a_orders"), listed()), (Some(3.0), 1));
}

#[test]
fn an_alias_may_be_of_a_scope_s_family() {
    let registry = Registry::new();
    registry.alias("old", "a_orders").unwrap();
    let scope = registry.scope("a_", ());
    scope.counter("orders").add(10);
    assert_eq!(registry.value("old"), Some(10.0));
    let page = respond(&registry, &Request::new("GET", "/metrics?name[]=old_total")).body;
    let expected = "# HELP old_total Deprecated: now \"a_orders\".\n# TYPE old_total counter\nold_total 10\n";
    assert_eq!(String::from_utf8(page).unwrap(), expected);
    assert_eq!(tagmeter::catalogue::catalogue(&registry).entries().len(), 2);
}

#[test]
fn an_alias_gives_way_to_another_part_s_family_whichever_comes_first() {
    let (renamed, other) = (Registry::new(), Registry::new());
    renamed.counter("new").add(3);
    renamed.alias("old", "new").unwrap();
    other.counter("old").add(10);
    let shown = [renamed.view().and(&other), other.view().and(&renamed)].map(|view| view.unwrap().snapshot());
    for snapshot in &shown {
        assert_eq!((snapshot.value("old"), snapshot.value("new")), (Some(10.0), Some(3.0)));
    }
    assert_eq!(problems(&renamed, "left_out") + problems(&other, "left_out"), 2.0);
}

#[test]
fn one_alias_of_several_scopes_is_one_family() {
    let registry = Registry::new();
    let scopes = ["a", "b"].map(|tenant| registry.scope("", [("tenant", tenant)]));
    for scope in &scopes {
        scope.counter("new").inc();
        scope.alias("old", "new").unwrap();
    }
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.value(("old", [("tenant", "a")])), Some(1.0));
    assert_eq!(snapshot.value(("old", [("tenant", "b")])), Some(1.0));
    assert_eq!(problems(&registry, "left_out"), 0.0);
    registry.counter("old").add(5);
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.value("old"), Some(5.0));
    assert_eq!(snapshot.value(("old", [("tenant", "a")])), None, "what is no alias is alone");
}

#[test]
fn an_exact_name_is_the_definition_s_to_say() {
    let registry = Registry::new();
    registry.counter("requests").inc();
    registry.define("requests").exact_name().counter().unwrap().inc();
    assert_eq!(registry.snapshot().to_text(), "# TYPE requests counter\nrequests 2\n");
    assert_eq!(registry.snapshot().to_openmetrics(), "# TYPE requests unknown\nrequests 2\n# EOF\n");
    registry.counter("requests").inc();
    let error = registry.define("requests").counter().unwrap_err();
    let expected = r#"counter "requests" conflicts with counter "requests" with this exact name"#;
    assert_eq!(error.to_string(), expected);
    let page = respond(&registry, &Request::new("GET", "/metrics?name[]=requests")).body;
    assert_eq!(page, b"# TYPE requests counter\nrequests 3\n");
    assert!(respond(&registry, &Request::new("GET", "/metrics?name[]=requests_total")).body.is_empty());
}

#[test]
fn prefixes_and_renames_keep_or_change_what_is_exact() {
    let registry = Registry::new();
    registry.counter(Name::exact("hits")).inc();
    let page = |view: tagmeter::registry::View| view.snapshot().to_text();
    assert_eq!(page(registry.view().prefix("x_")), "# TYPE x_hits counter\nx_hits 1\n");
    assert_eq!(page(registry.view().rename("hits", "hits")), "# TYPE hits_total counter\nhits_total 1\n");
    let other = Registry::new();
    other.counter("hits").inc();
    assert!(registry.view().and(&other).is_err(), "one page, one name");
}
