use tagmeter::Tags;

#[derive(Tags)]
struct Route {
    #[tag(rename = "verb", rename = "method")]
    method: String,
}

fn main() {}
