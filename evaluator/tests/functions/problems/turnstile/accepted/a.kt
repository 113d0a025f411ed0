class Turnstile(val places: Int) {
    private val people = mutableListOf<String>()

    fun enter(name: String): Boolean {
        if (people.size == places) return false
        return people.add(name)
    }

    fun leave() {
        if (people.isNotEmpty()) people.removeAt(0)
    }

    fun inside(): List<String> = people
}
