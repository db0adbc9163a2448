use tagmeter::Tags;

#[derive(Tags)]
struct Route {
    #[tag(rename = 7)]
    method: String,
}

fn main() {}
