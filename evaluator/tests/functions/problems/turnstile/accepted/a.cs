public class Turnstile {
    private readonly int places;
    private readonly Queue<string> people = new Queue<string>();

    public Turnstile(int places) {
        this.places = places;
    }

    public bool Enter(string name) {
        if (people.Count == places) return false;
        people.Enqueue(name);
        return true;
    }

    public void Leave() {
        if (people.Count > 0) people.Dequeue();
    }

    public IList<string> Inside() {
        return people.ToList();
    }
}
