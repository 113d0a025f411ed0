class Turnstile:
    def __init__(self, places: int):
        self.places = places
        self.people = deque()

    def enter(self, name: str) -> bool:
        if len(self.people) == self.places:
            return False
        self.people.append(name)
        return True

    def leave(self) -> None:
        if self.people:
            self.people.popleft()

    def inside(self) -> List[str]:
        return list(self.people)
