use tagmeter::Tags;

#[derive(Tags)]
struct Route {
    #[tag(rename = "")]
    method: String,
}

fn main() {}
