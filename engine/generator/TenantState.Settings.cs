using Tempo.Engine.Generator.RemoteWrite;

namespace Tempo.Engine.Generator;

// Settings come and change while spans do:
//   new generator made     what cannot be made leaves the old one at work
//   old one closed         who holds it and has a request waits a moment for the new one
//   new one in its place   it knows which spans the old one counted
//   old series             their last values, then their end
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
        if (_generator is { } running && offered.Error.Length == 0 && offered.HasSeriesOf(_settings))
        {
            running.Apply(offered);
            Work(offered);
        }
        else if (TryMake(offered, out var next))
        {
            Replace(next, offered);
        }
    }

    // False, and told, if there can be no such generator.
    private bool TryMake(GeneratorSettings offered, out TenantGenerator? generator)
    {
        generator = null;
        var error = offered.Error;
        if (error.Length == 0)
        {
            try
            {
                generator = offered.Processors.IsEmpty ? null : new TenantGenerator(_tenant, offered, _options.DuplicateFilterBytes);
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

    private void Replace(TenantGenerator? next, GeneratorSettings settings)
    {
        var old = _generator;
        old?.Close();
        if (old is not null) next?.Inherit(old);
        _generator = next;
        try
        {
            if (old is null) return;
            CollectSeries(old, endAll: false);
            CollectSeries(old, endAll: true);
            Show(old);
        }
        finally
        {
            _shown = default;
            _shownLabels.Clear();
            _services.Metrics.ForgetLevels(_tenant);
            Work(settings);
        }
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
