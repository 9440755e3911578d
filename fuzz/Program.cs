using Tempo.Fuzz;

const string Usage = """
    usage: fuzz <target>|all [--runs N | --seconds N] [--seed S]
           fuzz smoke        every target for a short while, and the canaries, which must be caught
           fuzz list
    """;

switch (args)
{
    case ["list"]:
        foreach (var target in FuzzTargets.Product) Console.WriteLine(target.Name);
        return 0;
    case ["smoke"]:
        return Supervisor.Smoke();
    case [FuzzLoop.Verb, var name, var inFlightPath, .. var rest]:
        return FuzzLoop.Run(FuzzTargets.Find(name)!, inFlightPath, FuzzOptions.Parse(rest, out _)!.Value);
    case [FuzzLoop.SingleVerb, var name, var inFlightPath]:
        return FuzzLoop.RunInput(FuzzTargets.Find(name)!, inFlightPath);
    case [var name, .. var rest] when name == "all" || FuzzTargets.Find(name) is not null:
        var options = FuzzOptions.Parse(rest, out var problem);
        if (options is not null) return Supervisor.Fuzz(name == "all" ? FuzzTargets.Product : [FuzzTargets.Find(name)!], options.Value);
        Console.Error.WriteLine(problem);
        return 2;
    default:
        Console.Error.WriteLine(Usage);
        return 2;
}
