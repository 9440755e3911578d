using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// A text in an array that holds others, too, to be copied. Most are short, of lengths that nobody can predict: where array and target
/// have <see cref="StepBytes"/>, so many are copied in one step, whatever is the text's.
/// </summary>
internal readonly ref struct TextEntry
{
    /// <summary>What there is room for wherever a text is copied to.</summary>
    public const int StepBytes = 32;

    private readonly byte[] _array;
    private readonly int _start;

    /// <summary>An entry of a table, which may be growing.</summary>
    public TextEntry(StringTable table, int code)
    {
        var offsets = table.Offsets;
        _array = table.Bytes;
        _start = offsets[code];
        Length = offsets[code + 1] - _start;
    }

    /// <summary>A whole array.</summary>
    public TextEntry(byte[] text) => (_array, _start, Length) = (text, 0, text.Length);

    public int Length { get; }

    public ReadOnlySpan<byte> Bytes => _array.AsSpan(_start, Length);

    /// <summary>
    /// Copies the text to where there is room for it, and for <see cref="StepBytes"/> at least. A start or length below 0 is larger than
    /// any as an unsigned number, and refused by the slower way.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void CopyTo(ref byte to)
    {
        if ((uint)Length <= StepBytes && (ulong)(uint)_start + StepBytes <= (ulong)_array.Length)
            Vector256.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(_array), (nuint)(uint)_start).StoreUnsafe(ref to);
        else
            Bytes.CopyTo(MemoryMarshal.CreateSpan(ref to, Length));
    }
}
