using System.Numerics;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>The strings of one version 2 request, each once; number 0 is the empty one.</summary>
internal sealed class SymbolTable
{
    private byte[] _text = new byte[4096];
    private int[] _ends = new int[256];
    private int[] _slots = new int[512];

    public SymbolTable() => Clear();

    public int Count { get; private set; }

    public ReadOnlySpan<byte> this[int number] =>
        _text.AsSpan(number == 0 ? 0 : _ends[number - 1], _ends[number] - (number == 0 ? 0 : _ends[number - 1]));

    public void Clear()
    {
        Array.Clear(_slots);
        Count = 0;
        Intern([]);
    }

    public int Intern(ReadOnlySpan<byte> text)
    {
        var mask = _slots.Length - 1;
        var i = (int)KeyedHash.Of(text) & mask;
        for (; _slots[i] != 0; i = (i + 1) & mask)
            if (this[_slots[i] - 1].SequenceEqual(text)) return _slots[i] - 1;
        _slots[i] = Count + 1;
        Add(text);
        if (Count * 2 > _slots.Length) Rehash();
        return Count - 1;
    }

    private void Add(ReadOnlySpan<byte> text)
    {
        var start = Count == 0 ? 0 : _ends[Count - 1];
        if (start + text.Length > _text.Length) Array.Resize(ref _text, (int)BitOperations.RoundUpToPowerOf2((uint)(start + text.Length)));
        if (Count == _ends.Length) Array.Resize(ref _ends, _ends.Length * 2);
        text.CopyTo(_text.AsSpan(start));
        _ends[Count++] = start + text.Length;
    }

    private void Rehash()
    {
        _slots = new int[_slots.Length * 2];
        for (var number = 0; number < Count; number++)
        {
            var i = (int)KeyedHash.Of(this[number]) & (_slots.Length - 1);
            while (_slots[i] != 0) i = (i + 1) & (_slots.Length - 1);
            _slots[i] = number + 1;
        }
    }
}
