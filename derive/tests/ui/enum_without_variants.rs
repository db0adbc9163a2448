use tagmeter::TagValue;

#[derive(TagValue)]
enum Never {}

fn main() {}
