use tagmeter::Tags;

#[derive(Tags)]
struct Route {
    #[tag]
    method: String,
}

fn main() {}
