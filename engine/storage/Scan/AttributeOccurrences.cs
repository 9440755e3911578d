namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// The attributes of one key in a batch, one behind the other: whose they are, ascending, and their values. What a condition or a
/// group wants of generic attributes is a column, and this is one. Not changed once somebody else has it.
/// </summary>
public sealed class AttributeOccurrences
{
    /// <summary>Nobody has the key.</summary>
    public static readonly AttributeOccurrences None = new();

    public int Count { get; internal set; }

    /// <summary>The owner of each (a span, resource, scope, event or link), ascending.</summary>
    public int[] Owners = [];

    /// <summary>
    /// Types and values; keys only where those of several were taken. What no condition can compare is of type
    /// <see cref="AttributeType.Null"/>.
    /// </summary>
    public AttributeColumns Values { get; } = new();

    /// <summary>Somebody has the key twice: then the first value that has a type counts.</summary>
    public bool IsRepeated { get; internal set; }

    /// <summary>
    /// The first one of an owner or, if it has none, of those that follow; looked for near a place where a similar one was found.
    /// </summary>
    public int IndexFrom(int near, int owner)
    {
        const int MaxSteps = 16;
        var owners = Owners.AsSpan(0, Count);
        var first = near < owners.Length && (near == 0 || owners[near - 1] < owner) ? near : 0;
        for (var i = first; i < Math.Min(first + MaxSteps, owners.Length); i++)
            if (owners[i] >= owner)
                return i;
        var (low, high) = (Math.Min(first + MaxSteps, owners.Length), owners.Length);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (owners[middle] < owner) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    /// <summary>
    /// Takes the attributes at the marked places; values stay where they are, in the tables and lists of <paramref name="attributes"/>.
    /// </summary>
    public void Gather(AttributeColumns attributes, ReadOnlySpan<int> starts, ReadOnlySpan<ulong> places)
    {
        TakePlaces(attributes, starts, places);
        Values.Values = attributes.Values;
        Values.Items = attributes.Items;
        Values.ItemCount = attributes.ItemCount;
    }

    /// <summary>Room for so many, of no type yet.</summary>
    internal void Begin(int count)
    {
        GrowableArray.Reserve(ref Owners, count);
        GrowableArray.Reserve(ref Values.Types, count);
        GrowableArray.Reserve(ref Values.Bits, count);
        Values.Types.AsSpan(0, count).Clear();
        (Count, Values.Count, Values.ItemCount, IsRepeated) = (count, count, 0, false);
    }

    /// <summary>Owners, types and values as they stand.</summary>
    internal void TakePlaces(AttributeColumns attributes, ReadOnlySpan<int> starts, ReadOnlySpan<ulong> places)
    {
        var count = 0;
        foreach (var word in places) count += System.Numerics.BitOperations.PopCount(word);
        Begin(count);
        var (owner, last, next) = (0, -1, 0);
        var (owners, types, bits) = (Owners, Values.Types, Values.Bits);
        for (var word = 0; word < places.Length; word++)
            for (var left = places[word]; left != 0; left &= left - 1, next++)
            {
                var place = (word << 6) + System.Numerics.BitOperations.TrailingZeroCount(left);
                while (starts[owner + 1] <= place) owner++;
                IsRepeated |= owner == last;
                owners[next] = last = owner;
                types[next] = attributes.Types[place];
                bits[next] = attributes.Bits[place];
            }
    }

    /// <summary>The keys of the attributes at the marked places, which were taken.</summary>
    internal void TakeKeys(AttributeColumns attributes, ReadOnlySpan<ulong> places)
    {
        GrowableArray.Reserve(ref Values.Keys, Count);
        Values.KeyTable = attributes.KeyTable;
        var next = 0;
        for (var word = 0; word < places.Length; word++)
            for (var left = places[word]; left != 0; left &= left - 1)
                Values.Keys[next++] = attributes.Keys[(word << 6) + System.Numerics.BitOperations.TrailingZeroCount(left)];
    }
}
