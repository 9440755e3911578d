using System.Collections;
using System.Runtime.CompilerServices;

namespace Tempo.Engine.TraceQL.Ast;

/// <summary>An immutable list that compares by its elements, so that nodes holding lists compare by value.</summary>
[CollectionBuilder(typeof(AstList), nameof(AstList.Create))]
public sealed class AstList<T> : IReadOnlyList<T>, IEquatable<AstList<T>>
{
    private readonly T[] _items;

    internal AstList(ReadOnlySpan<T> items) => _items = items.ToArray();

    public int Count => _items.Length;

    public T this[int index] => _items[index];

    public bool Equals(AstList<T>? other) =>
        other is not null && _items.AsSpan().SequenceEqual(other._items, EqualityComparer<T>.Default);

    public override bool Equals(object? obj) => Equals(obj as AstList<T>);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (T item in _items)
            hash.Add(item);
        return hash.ToHashCode();
    }

    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)_items).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _items.GetEnumerator();
}

/// <summary>Makes lists from collection expressions.</summary>
public static class AstList
{
    /// <summary>Copies the elements.</summary>
    public static AstList<T> Create<T>(ReadOnlySpan<T> items) => new(items);
}
