use tagmeter::TagValue;

#[derive(TagValue)]
enum Answer {
    Found,
    Failed(u16),
}

fn main() {}
