class Turnstile
  def initialize(places)
    @places = places
    @people = []
  end

  def enter(name)
    return false if @people.length == @places
    @people << name
    true
  end

  def leave()
    @people.shift
  end

  def inside()
    @people
  end
end
