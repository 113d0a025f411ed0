class Turnstile {
    private people: string[] = [];

    constructor(private places: number) {}

    enter(name: string): boolean {
        if (this.people.length === this.places) return false;
        this.people.push(name);
        return true;
    }

    leave(): void {
        this.people.shift();
    }

    inside(): string[] {
        return this.people;
    }
}
