//! What must not compile, and what the compiler says: one mistake a file. `TRYBUILD=overwrite` writes the texts anew.

#[test]
fn mistakes_are_named_where_they_are_made() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
