use tagmeter::TagValue;

#[derive(TagValue)]
#[tag(rename_all = "lowercase")]
enum Method {
    Get,
    GET,
}

fn main() {}
