use tagmeter::Tags;

#[derive(Tags)]
struct Route {
    method: String,
    #[tag(rename = "method")]
    verb: String,
}

fn main() {}
