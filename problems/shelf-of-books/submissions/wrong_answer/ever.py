# Remembers the tallest book that was ever there.
class Shelf:
    def __init__(self):
        self.books, self.best = [], -1

    def place(self, height):
        self.books.append(height)
        self.best = max(self.best, height)

    def take(self):
        return self.books.pop() if self.books else -1

    def tallest(self):
        return self.best
