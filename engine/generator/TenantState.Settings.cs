using Tempo.Engine.Generator.RemoteWrite;
using Tempo.Engine.Generator.Spans;

namespace Tempo.Engine.Generator;

// Settings come and change while spans do:
//   processors that they shape otherwise   made anew, in one step; what cannot be made leaves all as it was
//   those before them                      their last values, then the end of their series
//   all others                             go on
internal sealed partial class TenantState
{
    private static readonly string[] ProcessorNames = ["span-metrics", "service-graphs", "host-info"];

    // What the tenant was last given, usable or not; what it works by is _settings.
    private GeneratorSettings? _offered;
    private volatile GeneratorSettings _settings = new();
    private volatile string _settingsError = "";

    private void Change(GeneratorSettings offered)
    {
        if (ReferenceEquals(offered, _offered)) return;
        _offered = offered;
        var before = _generator;
        if (!TryTake(offered, out var ended)) return;
        try
        {
            if (before is null) return;
            if (ended.Length > 0)
            {
                CollectSeries(before, ended, endAll: false);
                CollectSeries(before, ended, endAll: true);
            }

            Show(before);
        }
        finally
        {
            if (_generator != before)
            {
                _shown = default;
                _shownLabels.Clear();
            }

            _services.Metrics.ForgetLevels(_tenant);
            Work(offered);
        }
    }

    // False, and told, if they cannot be used. Processors that have come to their end are to be collected once more.
    private bool TryTake(GeneratorSettings offered, out ISpanProcessor[] ended)
    {
        ended = [];
        var error = offered.Error;
        if (error.Length == 0)
        {
            try
            {
                if (_generator is not { } running)
                {
                    _generator = offered.Processors.IsEmpty ? null : new TenantGenerator(_tenant, offered, _options.DuplicateFilterBytes);
                }
                else if (offered.Processors.IsEmpty)
                {
                    // Who holds it and has a request is to find that there is none when it finds it closed.
                    _generator = null;
                    ended = running.Close();
                }
                else
                {
                    ended = running.Change(offered);
                }

                return true;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                error = e.Message;
            }
        }

        _settingsError = $"tenant {_tenant.Value}: {error}";
        _services.Metrics.ProcessorUpdatesFailed.With(_tenant.Value).Add();
        _services.Log.Error(
            "metrics generator: the tenant's settings cannot be used, those before them stay", ("tenant", _tenant.Value), ("err", error));
        return false;
    }

    private void Work(GeneratorSettings settings)
    {
        var wasActive = _generator is not null || !_settings.Processors.IsEmpty;
        _settings = settings;
        _settingsError = "";
        _encoder?.Dispose();
        _encoder = null;
        foreach (var name in ProcessorNames)
            if (wasActive)
                _services.Metrics.ActiveProcessors.With(name, _tenant.Value).Set(settings.Processors.ActiveNames.Contains(name) ? 1 : 0);
        if (_generator is not { } generator) return;
        Show(generator);
        OpenQueue();
        if (_clients.Length > 0)
            _encoder = new SeriesEncoder(
                ConstantLabels(), settings.TraceIdLabelName, _options.RemoteWrite.Min(static target => target.MaxSamplesPerSend), Append);
    }
}
