use std::collections::VecDeque;

struct Turnstile {
    places: usize,
    people: VecDeque<String>,
}

impl Turnstile {
    fn new(places: i32) -> Self {
        Self { places: places as usize, people: VecDeque::new() }
    }

    fn enter(&mut self, name: String) -> bool {
        if self.people.len() == self.places {
            return false;
        }
        self.people.push_back(name);
        true
    }

    fn leave(&mut self) {
        self.people.pop_front();
    }

    fn inside(&self) -> Vec<String> {
        self.people.iter().cloned().collect()
    }
}
