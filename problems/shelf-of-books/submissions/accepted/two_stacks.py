# Keeps with each book the tallest one up to it.
class Shelf:
    def __init__(self):
        self.books = []

    def place(self, height: int) -> None:
        self.books.append((height, max(height, self.tallest())))

    def take(self) -> int:
        return self.books.pop()[0] if self.books else -1

    def tallest(self) -> int:
        return self.books[-1][1] if self.books else -1
