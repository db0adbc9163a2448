//! Files of a spool, cut and changed at every byte.

use super::*;

/// What waits in the spool that is damaged: five batches in two files, the first one settled in part.
const POINTS: usize = 5 * 22 - 5;
/// Points of a file.
const MOST_LOST: usize = 3 * 22;

/// A spool to be damaged.
fn whole() -> Place {
    let place = Place::new();
    let mut spooled = open(&place.spool().max_bytes(64 << 10));
    // Names that fill a file.
    let long = |at| -> Vec<Point> {
        let named = |point: Point| Point { name: format!("{:040}", point.value).into(), ..point };
        batch(at, 22).into_iter().map(named).collect()
    };
    (1..=5).for_each(|at| spooled.append(long(at)));
    spooled.settle(5);
    drop(spooled);
    assert_eq!(place.files().len(), 3, "two with points, and the position");
    place
}

/// What came of a damaged spool.
struct Came {
    found: usize,
    delivered: Vec<Point>,
    lost: usize,
}

/// Opens a damaged spool and delivers what it has, and what is appended after that.
fn deliver(place: &Place) -> Came {
    let mut spooled = open(&place.spool().max_bytes(64 << 10));
    let found = spooled.waiting().points;
    spooled.append(batch(9, 3));
    let mut delivered = drain(&mut spooled);
    let new = delivered.split_off(delivered.len() - 3);
    assert_eq!(new, batch(9, 3), "what is appended to a damaged spool is whole");
    assert_eq!((spooled.waiting().points, spooled.waiting().bytes), (0, 0));
    assert_eq!(spooled.take_notices(), [""; 0]);
    Came { found, delivered, lost: lost(&mut spooled) }
}

/// The files of a spool, by name.
type Files = Vec<(PathBuf, Vec<u8>)>;

fn read_files(place: &Place) -> Files {
    let named = |file: PathBuf| (PathBuf::from(file.file_name().unwrap()), fs::read(&file).unwrap());
    place.files().into_iter().map(named).collect()
}

/// A spool of these files.
fn scene(files: &Files) -> Place {
    let (place, directory) = (Place::new(), Path::new("spool"));
    fs::create_dir(place.0.join(directory)).unwrap();
    files.iter().for_each(|(name, bytes)| fs::write(place.0.join(directory).join(name), bytes).unwrap());
    place
}

/// Damages each file at each byte in some way, and checks what comes of it.
fn damage_everywhere(damage: impl Fn(&mut Vec<u8>, usize)) {
    let files = read_files(&whole());
    let all = deliver(&scene(&files));
    assert_eq!((all.found, all.delivered.len(), all.lost), (POINTS, POINTS, 0));
    for (file, (name, bytes)) in files.iter().enumerate() {
        // Between its two places there is nothing in the position's file.
        let is_position = name == Path::new("position");
        let is_nothing = |at: usize| is_position && bytes[at] == 0 && !at.is_multiple_of(256);
        for at in (0..bytes.len()).filter(|at| !is_nothing(*at)) {
            let mut damaged = files.clone();
            damage(&mut damaged[file].1, at);
            check(name, at, &all.delivered, deliver(&scene(&damaged)));
        }
    }
}

fn check(file: &Path, at: usize, all: &[Point], came: Came) {
    let Came { found, delivered, lost } = came;
    assert_eq!(found, delivered.len() + lost, "{file:?} at {at}");
    if file.ends_with("position") {
        // Some of what was delivered before may be delivered again.
        assert!(found <= POINTS + 5 && delivered.ends_with(all), "{file:?} at {at}: {found}");
        return;
    }
    assert_eq!(found, POINTS, "{file:?} at {at}");
    assert!((1..=MOST_LOST).contains(&lost), "{file:?} at {at}: {lost}");
    let mut expected = all.iter();
    assert!(delivered.iter().all(|point| expected.any(|next| next == point)), "in order: {file:?} at {at}");
}

#[test]
fn a_file_that_is_cut_anywhere_costs_only_points_that_are_counted() {
    damage_everywhere(|bytes, at| bytes.truncate(at));
}

#[test]
fn a_byte_that_is_changed_anywhere_costs_only_points_that_are_counted() {
    damage_everywhere(|bytes, at| bytes[at] ^= 0xff);
}

#[test]
fn bytes_that_are_missing_anywhere_cost_only_points_that_are_counted() {
    damage_everywhere(|bytes, at| {
        bytes.remove(at);
    });
}

#[test]
fn an_append_that_did_not_end_never_was() {
    let place = Place::new();
    let mut spooled = place.open();
    spooled.append(batch(1, 3));
    let position = fs::read(place.0.join("spool/position")).unwrap();
    let whole = fs::metadata(&place.files()[0]).unwrap().len();
    spooled.append(batch(2, 3));
    drop(spooled);
    let files = read_files(&place);
    for length in whole as usize..files[0].1.len() {
        let (name, bytes) = files[0].clone();
        let scene = scene(&vec![(name, bytes[..length].to_vec()), ("position".into(), position.clone())]);
        let mut spooled = scene.open();
        spooled.append(batch(3, 3));
        let expected = [batch(1, 3), batch(3, 3)].concat();
        assert_eq!((drain(&mut spooled), lost(&mut spooled)), (expected, 0), "cut at {length}");
    }
}

#[test]
fn a_file_that_is_missing_is_counted() {
    let files = read_files(&whole());
    for missing in 0..files.len() {
        let mut left = files.clone();
        let (name, _) = left.remove(missing);
        check(&name, 0, &deliver(&scene(&files)).delivered, deliver(&scene(&left)));
    }
}
