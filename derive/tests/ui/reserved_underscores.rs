use tagmeter::Tags;

#[derive(Tags)]
struct Route {
    __name: String,
}

fn main() {}
