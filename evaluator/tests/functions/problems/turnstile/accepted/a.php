class Turnstile {
    private $people = [];

    function __construct(private int $places) {
    }

    function enter($name) {
        if (count($this->people) === $this->places) return false;
        $this->people[] = $name;
        return true;
    }

    function leave() {
        array_shift($this->people);
    }

    function inside() {
        return $this->people;
    }
}
