use tagmeter::TagValue;

#[derive(TagValue)]
enum Method {
    #[tag(rename = "")]
    Get,
}

fn main() {}
