using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Filter;

/// <summary>The answers of one test for the entries of one table: each found when it is first asked for. One thread's.</summary>
internal sealed class TextAnswers(StringTable table, Func<StringTable, int, bool> test)
{
    private const byte No = 0;
    private const byte Yes = 1;
    private const byte Unknown = 2;

    private byte[] _answers = [];
    private int _version = table.Version;

    public StringTable Table => table;

    /// <summary>Forgets the answers if the table was filled anew.</summary>
    public void Refresh()
    {
        if (_version == table.Version) return;
        _version = table.Version;
        _answers.AsSpan().Fill(Unknown);
    }

    public bool this[int code]
    {
        get
        {
            if ((uint)code >= (uint)_answers.Length) Grow(Math.Max(code + 1, table.Count));
            var answer = _answers[code];
            return answer == Unknown ? Ask(code) : answer == Yes;
        }
    }

    /// <summary>Marks the rows whose code has the answer yes.</summary>
    public void Mark(KernelKind kernel, ReadOnlySpan<int> codes, Span<ulong> marks)
    {
        // A live table may have grown since.
        Grow(table.Count);
        if ((LookupKernel.Run(kernel, codes, _answers, marks) & Unknown) == 0) return;
        foreach (var code in codes)
            if (_answers[code] == Unknown)
                Ask(code);
        LookupKernel.Run(kernel, codes, _answers, marks);
    }

    private void Grow(int count)
    {
        var known = _answers.Length;
        if (known >= count + LookupKernel.PaddingBytes) return;
        Array.Resize(ref _answers, count + LookupKernel.PaddingBytes);
        // The padding of before has become entries.
        _answers.AsSpan(known).Fill(Unknown);
    }

    private bool Ask(int code)
    {
        var answer = test(table, code);
        _answers[code] = answer ? Yes : No;
        return answer;
    }
}
