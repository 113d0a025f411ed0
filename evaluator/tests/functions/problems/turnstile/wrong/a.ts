class Turnstile {
    private people: string[] = [];
    constructor(places: number) {}
    enter(name: string): boolean { this.people.push(name); return true; }
    leave(): void {}
    inside(): string[] { return this.people; }
}
