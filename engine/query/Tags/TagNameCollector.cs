using System.Text;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Tags;

/// <summary>Names of attributes by scope, each once, as long as there is room.</summary>
internal sealed class TagNameCollector(TagRoom room)
{
    private readonly InternTable[] _names = [.. Enumerable.Range(0, (int)CatalogScope.Intrinsic).Select(static _ => new InternTable(64))];
    private readonly bool[] _hasEmpty = new bool[(int)CatalogScope.Intrinsic];

    /// <summary>The name is there.</summary>
    public bool Has(CatalogScope scope, ReadOnlySpan<byte> name) =>
        name.IsEmpty ? _hasEmpty[(int)scope] : _names[(int)scope].TryFind(name) >= 0;

    public void Add(CatalogScope scope, ReadOnlySpan<byte> name)
    {
        var names = _names[(int)scope];
        if (name.IsEmpty)
        {
            // Always in the table; here it counts only if it was added.
            _hasEmpty[(int)scope] = true;
            return;
        }

        if (names.TryFind(name) < 0 && room.TryTake(name.Length)) names.Intern(name);
    }

    /// <summary>The names of a scope, sorted.</summary>
    public IEnumerable<string> NamesOf(CatalogScope scope)
    {
        var names = _names[(int)scope];
        return Enumerable.Range(
            _hasEmpty[(int)scope] ? InternTable.Empty : InternTable.Empty + 1, names.Count - (_hasEmpty[(int)scope] ? 0 : 1))
            .Select(code => Encoding.UTF8.GetString(names[code])).Order(StringComparer.Ordinal);
    }
}
