using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// One value column below a list of things (the attributes of a page, say): how many values each thing has, and the values
/// in order. Things are numbered from 0 and added in ascending order; those that are left out have none.
/// </summary>
internal sealed class ValueStage<T>(LevelStream things, bool isRepeated)
{
    private int[] _countOfThing = [];
    private int _next;
    private T[] _values = [];
    private int _count;

    public LevelStream Levels { get; } = new(things.MaxRepetition + (isRepeated ? 1 : 0), things.MaxDefinition + 1);

    public ReadOnlySpan<T> Values => _values.AsSpan(0, _count);

    public void Clear() => _next = _count = 0;

    public void Add(int thing, T value)
    {
        if (thing >= _next) FillTo(thing + 1);
        _countOfThing[thing]++;
        GrowableArray.Reserve(ref _values, _count + 1);
        _values[_count++] = value;
    }

    /// <summary>There are <paramref name="thingCount"/> things: computes the levels.</summary>
    public void Complete(int thingCount)
    {
        FillTo(thingCount);
        Levels.Expand(things, _countOfThing.AsSpan(0, thingCount));
    }

    private void FillTo(int count)
    {
        GrowableArray.Reserve(ref _countOfThing, count);
        if (count > _next) _countOfThing.AsSpan(_next, count - _next).Clear();
        _next = Math.Max(_next, count);
    }
}
