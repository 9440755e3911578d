using System.Text;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Tags;

/// <summary>Names of attributes by scope, each once, up to a number of bytes.</summary>
internal sealed class TagNameCollector(long maxBytes, MemoryBudget budget)
{
    // Of a name: here, and as an object of the answer.
    private const long NameBytes = 160;
    private const long BytesOfTextByte = 5;

    private readonly InternTable[] _names = [.. Enumerable.Range(0, (int)CatalogScope.Intrinsic).Select(static _ => new InternTable(64))];
    private readonly bool[] _hasEmpty = new bool[(int)CatalogScope.Intrinsic];
    private long _bytes;

    /// <summary>A name was left out.</summary>
    public bool IsFull { get; private set; }

    /// <summary>…because of the memory.</summary>
    public bool IsCutByMemory { get; private set; }

    /// <summary>The name is there.</summary>
    public bool Has(CatalogScope scope, ReadOnlySpan<byte> name) => name.IsEmpty ? _hasEmpty[(int)scope] : _names[(int)scope].TryFind(name) >= 0;

    public void Add(CatalogScope scope, ReadOnlySpan<byte> name)
    {
        var names = _names[(int)scope];
        if (name.IsEmpty)
        {
            // Always in the table; here it counts only if it was added.
            _hasEmpty[(int)scope] = true;
            return;
        }

        if (names.TryFind(name) >= 0) return;
        if (IsFull || _bytes + name.Length > maxBytes)
        {
            IsFull = true;
            return;
        }

        if (!budget.TryCharge(NameBytes + name.Length * BytesOfTextByte))
        {
            IsFull = IsCutByMemory = true;
            return;
        }

        _bytes += name.Length;
        names.Intern(name);
    }

    /// <summary>The names of a scope, sorted.</summary>
    public IEnumerable<string> NamesOf(CatalogScope scope)
    {
        var names = _names[(int)scope];
        return Enumerable.Range(_hasEmpty[(int)scope] ? InternTable.Empty : InternTable.Empty + 1, names.Count - (_hasEmpty[(int)scope] ? 0 : 1))
            .Select(code => Encoding.UTF8.GetString(names[code])).Order(StringComparer.Ordinal);
    }
}
