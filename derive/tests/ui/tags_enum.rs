use tagmeter::Tags;

#[derive(Tags)]
enum Route {
    Orders,
}

fn main() {}
