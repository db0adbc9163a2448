use tagmeter::TagValue;

#[derive(TagValue)]
enum Method {
    #[tag(skip)]
    Get,
}

fn main() {}
