type Turnstile struct {
	places int
	people []string
}

func Constructor(places int) Turnstile {
	return Turnstile{places: places}
}

func (this *Turnstile) Enter(name string) bool {
	if len(this.people) == this.places {
		return false
	}
	this.people = append(this.people, name)
	return true
}

func (this *Turnstile) Leave() {
	if len(this.people) > 0 {
		this.people = this.people[1:]
	}
}

func (this *Turnstile) Inside() []string {
	return this.people
}
