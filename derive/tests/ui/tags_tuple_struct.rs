use tagmeter::Tags;

#[derive(Tags)]
struct Route(String, u16);

fn main() {}
