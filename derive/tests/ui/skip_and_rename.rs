use tagmeter::Tags;

#[derive(Tags)]
struct Route {
    #[tag(skip, rename = "verb")]
    method: String,
}

fn main() {}
