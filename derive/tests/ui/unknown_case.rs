use tagmeter::TagValue;

#[derive(TagValue)]
#[tag(rename_all = "Train-Case")]
enum Method {
    Get,
}

fn main() {}
