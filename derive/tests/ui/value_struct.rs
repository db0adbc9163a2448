use tagmeter::TagValue;

#[derive(TagValue)]
struct Method {
    name: String,
}

fn main() {}
