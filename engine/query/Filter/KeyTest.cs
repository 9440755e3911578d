using System.Text;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Filter;

/// <summary>Finds an attribute key in key tables; remembers the last one. One thread's.</summary>
internal sealed class KeyTest(string name)
{
    private readonly List<int> _codes = [];
    private StringTable? _table;
    private int _count;
    private int _version;

    public byte[] Key { get; } = Encoding.UTF8.GetBytes(name);

    public string Name => name;

    /// <summary>The entries that are the key; there should be one at most.</summary>
    public List<int> CodesIn(KernelKind kernel, StringTable table)
    {
        var count = table.Count;
        if (ReferenceEquals(_table, table) && _count == count && _version == table.Version) return _codes;
        _codes.Clear();
        EntryKernel.Find(kernel, table, count, Key, _codes);
        (_table, _count, _version) = (table, count, table.Version);
        return _codes;
    }
}
