namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// Where the attributes of owners were staged in the page at hand. A trace names its services' resources anew, so that a page has
/// the same few resources a thousand times, with nearly as many attributes as its spans: the second time they are copied.
/// </summary>
internal sealed class RepeatedOwners
{
    // By batch and owner: the place in _staged, plus 1.
    private readonly CodeMap<int> _places = new();
    private readonly List<StagedOwner> _staged = [];

    public bool TryFind(int batch, int owner, out StagedOwner staged)
    {
        var place = _places.Of(batch).Find(owner);
        staged = place > 0 ? _staged[place - 1] : default;
        return place > 0;
    }

    /// <summary>Remembers an owner, if all that it has can be copied.</summary>
    public void Add(int batch, int owner, StageMark before, StageMark after)
    {
        if (before.OtherValues != after.OtherValues) return;
        _staged.Add(new StagedOwner(before, after));
        _places[batch, owner] = _staged.Count;
    }

    /// <summary>Forgets the last page.</summary>
    public void Clear()
    {
        _places.Clear();
        _staged.Clear();
    }
}

/// <summary>How far the columns of an <see cref="AttributeStage"/> have come.</summary>
/// <param name="Attributes">Attributes.</param>
/// <param name="Strings">Text values.</param>
/// <param name="Ints">Integer values.</param>
/// <param name="OtherValues">Values of all other types.</param>
/// <param name="TextBytes">See <see cref="PageLoad"/>.</param>
/// <param name="Entries">See <see cref="PageLoad"/>.</param>
internal readonly record struct StageMark(int Attributes, int Strings, int Ints, int OtherValues, long TextBytes, long Entries);

/// <summary>The part of the columns that one owner took.</summary>
internal readonly record struct StagedOwner(StageMark Before, StageMark After);
