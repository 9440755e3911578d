using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// One value column below a list of things (the attributes of a page, say): the values in order, and of which thing each
/// is. Things are numbered from 0 and added in ascending order; those that are left out have none. Most columns have few
/// values, so nothing is kept for a thing that has none; levels are made when the column is written, in memory that all
/// such columns share.
/// </summary>
internal sealed class ValueStage<T>(LevelStream things, bool isRepeated, LevelMemory memory)
{
    private readonly LevelStream _levels = new(things.MaxRepetition + (isRepeated ? 1 : 0), things.MaxDefinition + 1, memory);
    private int[] _thingOfValue = [];
    private T[] _values = [];
    private int _count;

    public int Count => _count;

    /// <summary>The number of each value's thing.</summary>
    public ReadOnlySpan<int> Things => _thingOfValue.AsSpan(0, _count);

    public ReadOnlySpan<T> Values => _values.AsSpan(0, _count);

    /// <summary>The same, to be written to.</summary>
    public Span<T> Places => _values.AsSpan(0, _count);

    /// <summary>The column's levels, once those of the things are there; good until another column's are asked for.</summary>
    public LevelStream Levels
    {
        get
        {
            _levels.ExpandOf(things, Things);
            return _levels;
        }
    }

    public void Clear() => _count = 0;

    public void Add(int thing, T value)
    {
        Reserve(1);
        _thingOfValue[_count] = thing;
        _values[_count++] = value;
    }

    /// <summary>Makes <see cref="Room"/> for that many more values.</summary>
    public void Reserve(int count)
    {
        GrowableArray.Reserve(ref _values, _count + count);
        GrowableArray.Reserve(ref _thingOfValue, _count + count);
    }

    /// <summary>Where the next values go; <see cref="Advance"/> says how many were put there.</summary>
    public Span<T> Room => _values.AsSpan(_count);

    /// <summary>Where the numbers of their things go.</summary>
    public Span<int> RoomOfThings => _thingOfValue.AsSpan(_count);

    /// <summary>So many values were put into the room, and their things.</summary>
    public void Advance(int count) => _count += count;

    /// <summary>Adds the values [from, to) again, of things that come <paramref name="shift"/> later.</summary>
    public void AddAgain(int from, int to, int shift)
    {
        Reserve(to - from);
        _values.AsSpan(from, to - from).CopyTo(_values.AsSpan(_count));
        for (var i = from; i < to; i++) _thingOfValue[_count++] = _thingOfValue[i] + shift;
    }
}
