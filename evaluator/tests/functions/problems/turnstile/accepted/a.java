class Turnstile {
    private final int places;
    private final Deque<String> people = new ArrayDeque<>();

    public Turnstile(int places) {
        this.places = places;
    }

    public boolean enter(String name) {
        return people.size() < places && people.add(name);
    }

    public void leave() {
        people.poll();
    }

    public String[] inside() {
        return people.toArray(new String[0]);
    }
}
