use tagmeter::Tags;

#[derive(Tags)]
struct Route {
    #[tag(name = "verb")]
    method: String,
}

fn main() {}
