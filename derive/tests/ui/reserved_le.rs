use tagmeter::Tags;

#[derive(Tags)]
struct Route {
    le: String,
}

fn main() {}
