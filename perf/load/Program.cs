using Tempo.Perf.Load.Verbs;

bool hasVerb = args.Length > 0 && !args[0].StartsWith('-');
string verb = hasVerb ? args[0] : "run";
var options = new OptionReader(hasVerb ? args.Skip(1) : args);
if (args.Length == 0 || options.Flag("--help"))
{
    Console.WriteLine(LoadOptions.Usage);
    return args.Length == 0 ? 2 : 0;
}
try
{
    return verb switch
    {
        "run" => RunVerb.Run(options, args),
        "generate" => GenerateVerb.Run(options),
        "trace" => TraceVerb.Run(options),
        "neighbours" => NeighboursVerb.Run(options),
        "overload" => OverloadVerb.Run(options),
        "flame" => FlameVerb.Run(options),
        "durability" => DurabilityVerb.Run(options),
        "hostile" => HostileVerb.Run(options),
        "extremes" => ExtremesVerb.Run(options),
        _ => throw new OptionException(
            $"'{verb}' is not a verb: run, generate, trace, neighbours, overload, durability, hostile, extremes, flame."),
    };
}
catch (OptionException wrong)
{
    Console.Error.WriteLine(wrong.Message);
    return 2;
}
