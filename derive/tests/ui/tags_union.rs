use tagmeter::Tags;

#[derive(Tags)]
union Route {
    status: u16,
}

fn main() {}
