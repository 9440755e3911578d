using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// From when to when the traces of a block are, as its meta tells: starts and ends of spans in the window, and apart from them
/// the whole of those traces that reach out of it.
/// </summary>
internal sealed class BlockTimes
{
    private TimeWindow _window = TimeWindow.Any;
    private ulong _start = ulong.MaxValue, _end, _first = ulong.MaxValue, _last, _strayStart = ulong.MaxValue, _strayEnd;

    /// <summary>Traces that reach out of the window.</summary>
    public int StrayTraceCount { get; private set; }

    /// <summary>Start of the first span that counts; where none does, the nearest time in the window.</summary>
    public ulong StartUnixNano => _start <= _end ? _start : _window.Clamp(_first);

    public ulong EndUnixNano => _start <= _end ? _end : _window.Clamp(_last);

    /// <summary>Null if no trace reaches out of the window.</summary>
    public StrayTimes? Stray =>
        StrayTraceCount == 0 ? null : new StrayTimes(TimeWindow.Seconds(_strayStart), TimeWindow.SecondsUp(_strayEnd));

    public void Begin(TimeWindow window)
    {
        _window = window;
        (_start, _end, _first, _last, _strayStart, _strayEnd) = (ulong.MaxValue, 0, ulong.MaxValue, 0, ulong.MaxValue, 0);
        StrayTraceCount = 0;
    }

    public void Add(OrderedTrace trace)
    {
        var (start, end) = (trace.StartUnixNano, trace.EndUnixNano);
        (_first, _last) = (Math.Min(_first, start), Math.Max(_last, end));
        if (_window.Contains(start) && _window.Contains(end))
        {
            (_start, _end) = (Math.Min(_start, start), Math.Max(_end, end));
            return;
        }

        StrayTraceCount++;
        (_strayStart, _strayEnd) = (Math.Min(_strayStart, start), Math.Max(_strayEnd, end));
        for (var i = 0; i < trace.SpanCount; i++)
        {
            var batch = trace.Batch(i);
            var spanStart = batch.StartUnixNano[trace.Spans[i].Span];
            Count(spanStart);
            Count(spanStart + batch.DurationNano[trace.Spans[i].Span]);
        }
    }

    private void Count(ulong unixNano)
    {
        if (!_window.Contains(unixNano)) return;
        (_start, _end) = (Math.Min(_start, unixNano), Math.Max(_end, unixNano));
    }
}
