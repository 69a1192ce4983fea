"""Common names of several countries, Latin and romanised, and words that firms, streets and goods are named with."""

from __future__ import annotations

from scanner.catalog.recognizers.base import tokens

FIRST_NAMES = tokens("""
    james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony
    mark donald steven paul andrew joshua kenneth kevin brian george edward ronald timothy jason jeffrey ryan
    jacob gary nicholas eric jonathan stephen larry justin scott brandon benjamin samuel gregory frank alexander
    raymond patrick jack dennis jerry tyler aaron jose adam henry nathan douglas zachary peter kyle walter ethan
    jeremy harold keith christian roger noah gerald carl terry sean austin arthur lawrence jesse dylan bryan joe
    jordan billy bruce albert willie gabriel logan alan juan wayne roy ralph randy eugene vincent russell elijah
    louis bobby philip johnny liam mason lucas oliver leo max felix hugo oscar theo harry charlie archie alfie
    freddie isaac caleb connor evan gavin ian colin craig derek grant hector ivan julian karl kurt lance leon
    marcus martin miles neil owen quentin rafael rick rodney ross rupert simon stuart ted todd tony travis
    trevor victor warren wesley xavier yusuf mohammed muhammad ahmed ali omar hassan hussein ibrahim khalid
    mustafa amir mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty
    margaret sandra ashley kimberly emily donna michelle carol amanda melissa deborah stephanie rebecca sharon
    laura cynthia dorothy amy kathleen angela shirley emma brenda pamela nicole anna samantha katherine
    christine debra rachel carolyn janet maria olivia heather helen catherine diane julie victoria joyce lauren
    kelly christina ruth joan virginia judith evelyn hannah andrea megan cheryl jacqueline madison teresa
    abigail sophia martha sara gloria janice kathryn ann isabella judy charlotte julia grace amber alice jean
    denise frances danielle marilyn natalie beverly diana brittany theresa kayla alexis doris lori tiffany mia
    ava chloe zoe lily ella ruby poppy daisy freya phoebe isla holly lucy molly eva claire fiona gemma heidi
    irene jane jill kate kathy kim leah lucia mabel monica naomi nina nora paula penny priya rose rosie sally
    sofia stella sylvia tara vanessa vera wendy yvonne fatima aisha zainab natalia sieghard hannelore ilse edith
    elfriede hildegard waltraud gudrun rosemarie annette angelika barbara cornelia dagmar elke gerda iris jutta
    katharina lieselotte margarete regina roswitha sigrid steffen thorsten volker wilhelm rainer rolf reinhard
    siegfried ernst erich egon ludwig joachim hartmut konrad lothar norbert ottmar rüdiger ulrich udo holger
    ingo frank sascha marcel dominik fabian kevin timo juana concepción encarnación francisca antonia manuela
    rosario luisa mercedes inmaculada montserrat esperanza consuelo yolanda silvia sonia alicia irene lorena
    nuria raquel alejandra gonzalo ignacio joaquín ramón enrique vicente andrés óscar rubén iván adrián álvaro
    mario césar héctor guillermo salvador felipe alfonso ricardo emilio julio lorenzo esteban agustín tomás
    gregorio salvatore vincenzo domenico angelo gennaro pasquale raffaele carlo enrico franco bruno sandro
    claudio massimo fabio simone daniele alberto riccardo gabriele emanuele rosa angela giovanna teresa lucia
    carmela caterina daniela rita sara paola laura antonella mariangela ornella patrizia rosaria serena simona
    stefania tiziana maria krystyna janina zofia jadwiga danuta irena halina helena grażyna jolanta dorota iwona
    beata monika magdalena joanna karolina aleksandra natalia weronika zuzanna marek zbigniew stanisław jerzy
    tadeusz adam józef ryszard henryk mariusz marcin grzegorz dariusz mateusz kamil jakub maciej bartosz łukasz
    wojciech robert rafał jacek sebastian sophie hélène anne catherine martine monique véronique christine
    dominique patricia laure virginie emmanuelle stéphanie lucie marguerite thérèse yves andré rené marcel henri
    georges roger daniel gérard alain patrick éric laurent olivier stéphane vincent sébastien frédéric jérôme
    maxime théo benoît gilles xavier hans jürgen juergen klaus wolfgang günter guenter heinz werner dieter
    helmut manfred gerhard uwe bernd stefan andreas jens torsten sven dirk ralf matthias markus tobias florian
    lukas jonas finn niklas moritz maximilian sebastian ursula monika petra sabine renate gisela helga karin
    brigitte ingrid erika heike kerstin anja katrin birgit susanne martina claudia silke tanja nadine lena lea
    marie johanna greta frieda pierre michel jacques philippe alain bernard christophe nicolas laurent julien
    antoine guillaume françois francois louise camille manon léa chloé inès jeanne isabelle nathalie sylvie
    valérie sandrine céline aurélie élodie mathilde margaux giuseppe giovanni antonio mario luigi francesco
    marco luca matteo alessandro lorenzo davide paolo roberto stefano giorgio chiara giulia francesca elena
    alessia martina federica silvia valentina carlos miguel luis jorge pedro manuel javier francisco alejandro
    diego pablo sergio fernando alberto andrés jesús ángel raúl carmen josefa isabel dolores pilar teresa ana
    cristina marta lucía paula raquel rosa joão joao tiago rui nuno inês beatriz jan piotr krzysztof andrzej
    tomasz paweł michał katarzyna małgorzata agnieszka barbara ewa lars erik johan anders mikael anna eva
    kristina ingvar björn bjorn olaf henrik mats kai jari timo antti mika wei ming jing li yan hui lei hong ying
    xin yuki hiroshi takashi kenji satoshi akira haruto sakura yui aoi hana naoko keiko yoko raj rahul amit
    sanjay vijay anil sunil deepak ravi arjun ananya pooja neha anjali sunita pieter kees willem hendrik
    johannes cornelis gerrit bas daan sem thijs jeroen maarten sander bram ruben joost wouter lotte sanne femke
    anouk fleur marieke annemarie wilma truus saskia marloes esther nienke bjarne ole nils knut arne terje geir
    svein kjell rune morten trond lise kari inger marit berit astrid solveig randi silje ida niels mads soren
    søren rasmus jesper henning kirsten mette hanne bente lone tina gitte juhani tapio matti pekka heikki jukka
    juha esa ilkka aino helmi kaisa liisa marja päivi riitta tuula jiri jiří petr pavel vaclav václav miroslav
    zdenek zdeněk frantisek tomas tomáš jaroslav stanislav jana lenka katerina kateřina věra alena zdenka
    ludmila jitka eliska joaquim josé antónio manoel nelson vasco filipa mafalda leonor fernanda graça conceição
    lurdes emil axel nilsson elias viggo gunnar stig sten göran goran lennart roland ulla birgitta marianne
    margareta gunilla agneta britta inga maud elin ebba alva adalbert alfred arno artur benedikt bettina
    burkhard carsten christel christoph clemens detlef eberhard eduard elisabeth elvira emilia franz frederik
    friedhelm friedrich georg gottfried gregor gustav harald hedwig heidemarie hermann hubert ines irmgard
    isabell jakob johann josef julius karoline kirstin klara korbinian kristin larissa leonhard liselotte luise
    luzia magnus margit margot marlene mathias mechthild meike melanie mirjam olga oskar philipp ramona robin
    rudolf rudi sibylle sonja stefanie susann theresia ulrike urs ute valentin veronika viktor walburga waltraut
    wenzel wilfried xaver agathe alexandra alexandrie alix alphonse amélie anaïs augustin aurore aimé adèle
    adrien bertrand capucine caroline célina claude clémence colette constance corinne édith éléonore élisabeth
    élise émile émilie étienne eugène fabrice franck gabrielle geneviève grégoire guy hortense hugues joséphine
    juliette laetitia laurence luce madeleine marc marthe mireille noël noémi odette pascal paulette pauline
    philippine rémy renée suzanne sébastienne thibaut timothée tristan valentine victoire yvette zacharie
    achille adelmo agnese alessandra alfio alfredo amedeo annunziata arianna armando arturo augusto azzurra
    beatrice benedetta benito berenice bianca biagio calogero camilla cesare cinzia corrado costantino cristian
    damiano dario debora donatella donatello donato edoardo eleonora elio elisa ernesto ettore eugenia eugenio
    fabrizio federico fedele filippo fiorella flavia flavio gabriella gaetano gianfranco gianluca gianna gianni
    ginevra giacomo gilberto giacinto gino gioacchino gionata girolamo giuliana giuliano giuseppina giustina
    graziella guido ilaria iolanda ivo lando leonardo letizia lidia liliana livia luciano lucrezia luigina
    maddalena margherita marcello mariana marina martino marisa maurizio michela mirko morena nadia nicoletta
    nicolò nico ottavio osvaldo ottone pierluigi pietro pina raffaella renata renato rembrandt riccarda rocco
    rodolfo romeo romina rosalia rosina ruggero sabatino santino saverio silvio simonetta susanna teodoro
    tommaso tullio ubaldo umberto valerio vittoria vittorio viola abel abril adela adolfo aitana alba alejo
    amparo anabel araceli ariadna aurora begoña berta blanca borja candela carla carlota catalina celia cipriano
    clara custodio edgar eloy encarna eufemia ezequiel fabiola felipa fermín fidel fina gema gertrudis gracia
    haydée imelda inés isidro ismael jaime jacinto jenaro jimena jordi josefina julián laia leandro leire
    leocadia leticia lola lope lourdes lupita macarena maite marcelo marcos margarita maribel mariano marisol
    matías máximo miriam modesto moisés nerea nicolás noelia octavio paca pastora patricio pepe pepita perla
    plácido purificación ramiro reyes rocío roque rosalía saturnina santiago saúl sebastián sofía soledad
    tatiana teófilo tomasa valentín valeria verónica virgilio wálter xavi zacarías zaira aleksander alina amelia
    antoni aniela apolonia arkadiusz bartek blanka błażej bogdan borys cezary cyprian damian daria dawid
    dominika edyta eliza eryk feliks filip franciszek gustaw igor iga józefina julianna juliusz justyna kaja
    kacper kajetan kalina kazimierz konstanty kornelia krystian leonard liwia leszek łucja maja maks malwina
    marceli marcelina marianna maurycy melania miłosz mieszko nataniel nela nikodem oliwia patryk paulina
    przemysław rozalia róża roksana sylwia szymon tola tobiasz tymon tymoteusz urszula wanda wiktor wiktoria
    witold xawery
    """)

LAST_NAMES = tokens("""
    smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson
    anderson thomas taylor moore jackson martin lee perez thompson white harris sanchez clark ramirez lewis
    robinson walker young allen king wright scott torres nguyen hill flores green adams nelson baker hall rivera
    campbell mitchell carter roberts gomez phillips evans turner diaz parker cruz edwards collins reyes stewart
    morris morales murphy cook rogers gutierrez ortiz morgan cooper peterson bailey reed kelly howard ramos kim
    cox ward richardson watson brooks chavez wood james bennett gray mendoza ruiz hughes price alvarez castillo
    sanders patel myers long ross foster jimenez powell jenkins perry russell sullivan bell coleman butler
    henderson barnes gonzales fisher vasquez simmons romero jordan patterson alexander hamilton graham reynolds
    griffin wallace moreno west cole hayes bryant herrera gibson ellis tran medina aguilar stevens murray ford
    castro marshall owens harrison fernandez mcdonald woods washington kennedy wells vargas henry chen freeman
    webb tucker guzman burns crawford olson simpson porter hunter gordon mendez silva shaw snyder mason dixon
    munoz hunt hicks holmes palmer wagner black robertson boyd rose stone salazar fox warren mills meyer rice
    schmidt daniels ferguson nichols stephens soto weaver ryan gardner payne grant dunn kelley spencer hawkins
    arnold pierce hansen peters santos hart bradley knight elliott cunningham duncan armstrong hudson carroll
    lane riley andrews alvarado ray delgado berry perkins hoffman johnston matthews pena richards contreras
    willis carpenter lawrence sandoval guerrero george chapman rios estrada ortega watkins greene nunez wheeler
    valdez harper burke larson santiago maldonado morrison franklin carlson austin dominguez carr lawson jacobs
    obrien lynch singh vega bishop montgomery oliver jensen harvey williamson gilbert dean sims espinoza howell
    li wong reid hanson le mccoy garrett burton fuller wang weber welch rojas lucas marquez fields park yang
    little banks padilla day walsh bowman schultz luna fowler mejia müller mueller schneider fischer becker
    schulz koch bauer richter klein wolf schröder schroeder neumann schwarz zimmermann braun krüger krueger
    hofmann hartmann lange schmitt werner krause meier lehmann schmid schulze maier köhler koehler herrmann
    könig koenig walter mayer huber kaiser fuchs lang scholz möller moeller weiß weiss jung hahn vogel friedrich
    keller günther berger winkler roth beck lorenz baumann franke albrecht schuster simon ludwig böhm winter
    kraus schumacher krämer vogt stein dubois durand leroy moreau laurent lefebvre michel bertrand roux fournier
    girard bonnet dupont lambert fontaine rousseau vincent morel rossi russo ferrari esposito bianchi romano
    colombo ricci marino greco bruno gallo conti costa giordano mancini rizzo lombardi moretti ferreira oliveira
    pereira santos sousa rodrigues alves kowalski nowak wiśniewski jansen visser bakker smit dekker johansson
    andersson karlsson nilsson eriksson larsson olsson persson svensson gustafsson hansen olsen larsen nielsen
    jensen pedersen virtanen korhonen sato suzuki takahashi tanaka watanabe ito yamamoto nakamura kobayashi kato
    yoshida yamada zhang liu huang zhao wu zhou xu sun zhu lin guo sharma kumar gupta khan ahmed hussain begum
    shah klemt franke arnold beyer busch dietrich engel ernst fiedler fink frank geiger graf groß haas heinrich
    horn jäger jahn kern kuhn kühn lindner ludwig martin möhring otto pfeiffer pohl reinhardt sauer schenk
    schreiber schubert schumann seidel sommer thiel voigt weiss wild winkler ziegler ullrich vogt garcía
    fernández gonzález rodríguez lópez martínez sánchez pérez gómez martín jiménez ruiz hernández díaz moreno
    muñoz álvarez romero gutiérrez navarro torres domínguez vázquez gil serrano blanco molina suárez delgado
    ortega rubio marín sanz iglesias núñez medina garrido cortés lozano cano guerrero prieto méndez calvo
    gallego vidal león márquez herrera peña cabrera campos fuentes carrasco diez reyes caballero nieto aguilar
    pascual santana herrero montero lorenzo hidalgo giménez ibáñez ferrer durán bruno rizzo galli fontana caruso
    mariani ferrara santoro rinaldi leone longo gentile martinelli vitale serra conte villa marchetti bianco
    fabbri barbieri ferri bellini basile riva donati piras monti palumbo grassi testa valentini nowak kowalski
    wiśniewski wójcik kowalczyk kamiński lewandowski zieliński szymański woźniak dąbrowski kozłowski jankowski
    mazur wojciechowski kwiatkowski krawczyk kaczmarek piotrowski grabowski zając pawłowski michalski król
    wieczorek jabłoński wróbel petit robert richard simon garnier faure andre mercier blanc guerin boyer
    chevalier francois legrand gauthier garcia perrin robin clement morin nicolas henry roussel mathieu gautier
    masson marchand duval denis dumont marie lemaire noel meyer jong vries janssen mulder hendriks leeuwen
    brouwer dijkstra smits vermeulen hoekstra schouten postma kuiper willems hoogendoorn verhoeven huisman
    peeters kuijpers timmermans claes wouters goossens mertens smet maes hermans lambrecht berglund lindberg
    lindström lindqvist lindgren axelsson bergström lundberg lundgren mattsson fredriksson sandberg henriksson
    forsberg sjöberg wallin engström danielsson håkansson eklund gustavsson jonsson petersson bengtsson
    jakobsson magnusson haugen hagen johannessen andersen halvorsen pettersen solberg moen bakken sørensen
    sorensen rasmussen jørgensen jorgensen madsen kristensen christensen thomsen christiansen poulsen johansen
    knudsen mortensen møller mäkinen makinen nieminen mäkelä hämäläinen laine heikkinen koskinen järvinen
    lehtonen saarinen salminen heinonen niemi heikkilä novák novakova nováková svoboda svobodová novotný novotná
    dvořák dvořáková černý černá procházka kučera veselý horák němec marek pospíšil pokorný hájek král jelínek
    růžička beneš fiala sedláček doležal zeman martins fernandes gonçalves goncalves gomes lopes marques almeida
    ribeiro pinto carvalho teixeira moreira correia mendes nunes soares vieira monteiro cardoso raposo coelho
    cunha pires simões simoes antunes matos fonseca morais machado tavares barbosa adam andré arnaud aubert
    aubry auger bailly barbier barthelemy bazin benard benoit bernard besnard bigot blanchard blin blondel bodin
    boucher boulanger bourgeois bousquet boutin bouvier breton brun brunet buisson camus carlier caron
    carpentier carre charles charpentier charrier chauveau chevallier clerc colas colin collet collin cordier
    cousin coste couturier daniel david delahaye delannoy delaunay delattre delmas descamps deschamps devaux
    didier dijoux dufour dumas duhamel dupuis dupuy dupre etienne evrard ferrand fleury fouquet gaillard gay
    georges gerard gilles gimenez giraud gros grondin gregoire guichard guillaume guillet guillon guillot guyon
    guyot hamel hamon hardy hebert henri herve hoareau hoarau hubert huet humbert imbert jacob jacques jacquet
    jacquot jean joly joseph julien lacombe lacroix lamy langlois laporte launay lebon leblanc lebreton lebrun
    leclerc leclercq lecomte leconte leduc lefevre legendre leger lejeune lelievre lemaitre lemoine lenoir
    lesage leveque levy loiseau louis mace maillard maillot mallet marechal marion martel marty martineau mary
    masse maurice maury menard merle michaud millet monnier morvan moulin neveu olivier pasquier payet pelletier
    peltier perret perrier perrot philippe picard pichon pineau poirier pons potier poulain prevost raymond
    raynaud regnier remy renard renaud renault reynaud riviere roche roger rolland roy salmon samson sauvage
    seguin tanguy techer tessier texier thibault thierry toussaint traore turpin valentin vaillant valette
    vallee vallet vasseur verdier voisin altmann appel arndt auer bach bachmann bartels baumgartner bayer becher
    behrens bender bergmann berndt binder blum bock böhme brandt brinkmann bruns buchholz decker dörr ebert
    eckert eder ehlers eichhorn esser feldmann förster freitag fritsch fröhlich fuhrmann funk gabriel gebhardt
    geyer gottschalk götz greiner gruber grimm haag hamann hartwig hauser heil heller hempel hensel henning
    herbst hermann herzog heß hess hesse heuer hildebrandt hinz hirsch hoppe huth jakob janßen jost kessler
    kiefer kirchner klose knoll kolb konrad kopp kramer krebs kremer krug kuhlmann kunz kunze langer lauer lenz
    linke löffler lohmann lutz marx mann maurer menzel merkel metz metzger michels moritz mohr naumann neubauer
    noack nolte opitz ott petersen philipp pietsch preuß rausch reimann reimer reinhard renner reuter rieger
    röder rohde römer rudolph runge schaller scharf scheffler schilling schindler schlegel schlüter schmitz
    schramm schreiner schröter schütz schütte schulte schuler seeger seifert siebert specht steffen steiner
    stephan stoll strauß ströbel thiele unger urban vetter voß walther weigel weis wendt wenzel westphal
    wiedemann wiese wilhelm wirth witt witte wittmann wolff wulf wunderlich zander zeller abbate agostini amato
    angelini antonelli baldi barone basso battaglia bernardi bertolini bruni calabrese caputo carbone cattaneo
    cavalli cocco coppola cosentino d'amico damico deluca donato farina fiore fiorentino franco fusco garofalo
    gatti giuliani grasso guidi lombardo mancuso marchi marini martini martino mazza melis milani montanari
    morelli motta napolitano negri neri pagano palmieri parisi pellegrini pellegrino poli pozzi ricciardi romeo
    rossetti ruggiero sacco sanna sartori silvestri sorrentino valente vitali zanella aguado alonso arias
    benítez camacho collado crespo domingo esteban galán gálvez guillén hurtado izquierdo jurado lorente luque
    marcos naranjo parra ramírez ríos robles román ros saez salas solano soler tapia valero varela velasco
    vicente villanueva zapata adamczyk baranowski bąk błaszczyk borkowski chmielewski cieślak czarnecki
    czerwiński dudek gajewski górski głowacki jakubowski jasiński jaworski kalinowski kaźmierczak kołodziej
    kopeć kubiak kucharski laskowski maciejewski makowski malinowski marciniak mazurek nowicki olszewski
    ostrowski pająk pawlak pietrzak przybylski rutkowski sadowski sawicki sikora sikorski sobczak sokołowski
    stępień szewczyk szczepański szulc tomaszewski urbański walczak wasilewski witkowski włodarczyk wysocki
    zalewski zawadzki ziółkowski
    """)

ROMANISED_SURNAMES = tokens("""
    kim lee park choi jung jeong kang cho jo yoon yun jang lim im rim han oh seo shin sin kwon hwang ahn an song ryu
    yoo yu jeon chun hong ko go moon mun yang son sohn bae baek paik heo hur huh nam shim sim noh no roh ha kwak
    sung seong cha joo ju woo koo gu min na jin ji um eom chae won cheon bang kong hyun ham byun yeom yeo chu do so
    seok seon seol ma gil wi pyo myung ki ban wang namgung hwangbo lyu rhee yi pak chung
    """)

ROMANISED_GIVEN = tokens("""
    min seo ji hyun su soo young yeong jung jeong eun jun joon woo yeon sung seong kyung gyeong jin hee hui mi ho ju
    joo ha jae yoon yun hye seung dong sang soon sun ja sook suk ok chul cheol seok tae ah a ye do si yu yoo bin won
    hoon hun kyu gyu yong jong ki gi seon in na ra da chae yul geon gun hwan hyuk hyeok hyung hyeong sub seop sik
    wook uk woong ung il chang chan han nam rin lin ri lee kwang gwang geun keun gil duk deok myung myeong kwon hyo
    bo byung byeong ran ae hwa hyang chun
    """)

# Words of firms, streets and goods: a column with many of them is not one of people.
FIRM_WORDS = tokens("""
    inc ltd llc corp corporation company co gmbh ag plc group holdings bank insurance university school hospital hotel
    store shop center centre market street avenue road lane drive boulevard city new south north east west san los
    saint santa port lake mount fort county island republic united kingdom states shirt pants jacket dress shoes bag
    hat socks skirt coat sweater jeans blue red green black white pink yellow purple brown gray grey cotton leather
    wool silk wooden steel rubber plastic metal frozen fresh granite concrete soft small large medium table chair lamp
    desk phone laptop keyboard mouse monitor cable charger case watch cream juice coffee tea milk cheese bread rice
    chicken beef pork fish salad soup noodle kimchi soap towel pro max mini plus ultra galaxy iphone set pack box
    premium classic deluxe edition series model system service services solutions technologies technology tech
    software media digital global international sales marketing finance engineering support operations manager
    director senior junior assistant officer analyst engineer developer designer london paris berlin tokyo chicago
    boston seattle houston dallas denver atlanta miami phoenix philadelphia detroit portland memphis baltimore
    milwaukee albuquerque tucson fresno sacramento mesa omaha oakland minneapolis tulsa tampa orleans wichita
    cleveland honolulu anaheim lexington stockton cincinnati pittsburgh anchorage toledo newark plano orlando raleigh
    manchester birmingham leeds glasgow edinburgh liverpool bristol cardiff belfast madrid barcelona rome milan vienna
    munich hamburg cologne frankfurt stuttgart brussels amsterdam lisbon dublin oslo stockholm helsinki copenhagen
    warsaw prague budapest athens moscow istanbul cairo dubai delhi mumbai beijing shanghai singapore osaka kyoto
    seoul busan incheon daegu daejeon gwangju ulsan sejong suwon jeju gangnam toronto montreal vancouver ottawa sydney
    melbourne germany france spain italy england scotland wales ireland poland sweden norway denmark finland korea
    japan china russia brazil mexico canada australia india turkey greece portugal austria switzerland belgium
    netherlands el fe texas california florida ohio pending shipped delivered cancelled completed processing active
    inactive approved rejected the and of for with your our & sons partners associates industries foods
    sarl sas srl spa bv nv ab oy kg ohg ug gmbh&co eurl snc sl sro doo kft köln münchen wien nürnberg hannover
    leipzig dresden bremen dortmund essen düsseldorf mannheim karlsruhe lyon marseille toulouse bordeaux lille
    nantes strasbourg rennes montpellier grenoble roma milano napoli torino firenze venezia bologna genova
    palermo bari verona padova sevilla zaragoza málaga bilbao murcia praha brno ostrava warszawa kraków łódź
    gdańsk wrocław poznań rotterdam utrecht eindhoven groningen göteborg malmö uppsala bergen trondheim aarhus
    århus odense tampere turku lisboa porto braga zürich genève basel bern lausanne graz linz salzburg innsbruck
    bruxelles antwerpen gent debrecen zagreb ljubljana bratislava bucurești riga tallinn vilnius montag dienstag
    mittwoch donnerstag samstag sonntag lundi mardi mercredi jeudi vendredi lunes martes miércoles januar
    februar märz april juni juli august september oktober november dezember monday tuesday wednesday thursday
    friday saturday sunday january february october december rot grün blau gelb rouge vert bleu noir rojo verde
    azul negro rosso nero offen bezahlt storniert aktiv inaktiv gekündigt actif inactif annulé payé activo
    pagado attivo pagato
    """)
